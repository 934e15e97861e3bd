// The file of --authz: who may call which methods, and its errors.
#include "grpcd/authz.h"

#include <cerrno>
#include <doctest/doctest.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/scratch_file.h"

namespace ringrpc::grpcd {
namespace {

using apps::ScratchFile;

/// A service that lists these methods, but does not implement them.
class Named final : public Service {
 public:
  Named(std::string_view name, std::vector<Method> methods) : name_(name), methods_(std::move(methods)) {}

  std::string_view service_name() const noexcept override { return name_; }
  std::span<const Method> service_methods() const noexcept override { return methods_; }

 private:
  std::string_view name_;
  std::vector<Method> methods_;
};

Result<std::unique_ptr<AllowList>> read(const std::string& path) {
  constexpr auto unary = MethodKind::unary;
  Named s("p.S", {Method{"M", unary, nullptr}, Method{"N", unary, nullptr}});
  Named t("p.Tables", {Method{"Count", unary, nullptr}});
  Service* const services[] = {&s, &t};
  return read_authz(path, services);
}

std::string refusal(const ScratchFile& file) {
  const auto list = read(file.path());
  return list ? "taken" : std::string(list.error().message());
}

TEST_CASE("the file allows names to call methods; without a file every caller is allowed") {
  const ScratchFile file(
      "\"/p.S/M\" = [\"uid:1\", \"uid:2\"]   # two users\n"
      "\"/p.S/*\" = \"*\"\n");
  const auto list = read(file.path());
  REQUIRE_MESSAGE(list, list.error().to_string());
  PeerIdentity user;
  user.unix_credentials = UnixCredentials{.pid = 1, .uid = 2, .gid = 1};
  CHECK((*list)->allows("/p.S/M", user));
  CHECK_FALSE((*list)->allows("/p.S/M", {}));
  CHECK((*list)->allows("/p.S/N", {}));
  CHECK_FALSE((*list)->allows("/p.T/M", user));
  CHECK(read("").value() == nullptr);
}

TEST_CASE("an empty file allows nobody") {
  const ScratchFile file("");
  errno = ENOENT;  // must have no effect
  const auto list = read(file.path());
  REQUIRE_MESSAGE(list, list.error().to_string());
  REQUIRE(*list);
  CHECK_FALSE((*list)->allows("/p.S/M", {}));
}

TEST_CASE("methods that no service has are refused, with similar ones") {
  const ScratchFile file("\"/p.S/*\" = \"*\"\n\"*\" = \"uid:0\"\n\"/p.Tables/Count\" = \"*\"\n");
  CHECK(refusal(file) == "taken");
  const std::string begin = "--authz: " + file.path() + ":";
  file.write("\"/p.S/M\" = \"*\"\n\"/p.Tables/Cuont\" = \"*\"\n");
  CHECK(refusal(file) == begin + "2: /p.Tables/Cuont: p.Tables has no method 'Cuont'; did you mean Count?");
  file.write("\"/p.Table/Count\" = \"*\"\n");
  CHECK(refusal(file) == begin + "1: /p.Table/Count: there is no service 'p.Table'; did you mean p.Tables?");
  file.write("\"/elsewhere.Things/*\" = \"*\"\n");
  CHECK(refusal(file) ==
        begin + "1: /elsewhere.Things/*: there is no service 'elsewhere.Things'; there are p.S and p.Tables");
}

TEST_CASE("invalid entries are refused with their line") {
  const ScratchFile file("");
  const std::string begin = "--authz: " + file.path() + ":";
  file.write("\n\"/p.S/M\" = 7\n");
  CHECK(refusal(file) ==
        begin + "2: /p.S/M: a number is the wrong type; write a \"name\" or [\"several\", \"names\"]");
  file.write("\"/p.S/M\" = []\n");
  CHECK(refusal(file) == begin + "1: /p.S/M: the list is empty; to allow nobody, remove the line");
  file.write("\"/p.S\" = \"*\"\n");
  CHECK(refusal(file).starts_with(begin + "1: \"/p.S\" names no method; "));
  file.write("\"/p.S/M\" = [\"*\", \"alice\"]\n");
  CHECK(refusal(file).starts_with(begin + "1: \"alice\" names no caller; "));
  file.write("/p.S/M = \"*\"\n");
  CHECK(refusal(file).starts_with(begin + "1: "));
  CHECK(read("/nowhere").error().message() == "--authz: /nowhere: no such file or directory");
  CHECK(read("/").error().message() == "--authz: /: is a directory");
  CHECK(read("/dev/zero").error().to_string() ==
        "FAILED_PRECONDITION: --authz: /dev/zero: larger than 1M; give a TOML file of methods");
}

}  // namespace
}  // namespace ringrpc::grpcd
