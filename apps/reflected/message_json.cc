#include "reflected/message_json.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "reflected/field_error.h"
#include "rpc/message/text_check.h"

namespace ringrpc::reflected {

namespace pb = google::protobuf;

namespace {

constexpr const char* url_prefix = "type.googleapis.com";

/// Unknown types of Any values that are looked up, for all messages that a MessageJson prints.
constexpr std::size_t unknown_types_max = 100;

std::unexpected<Failure> invalid_response(const pb::Descriptor& type, const std::string& why) {
  return fail_with(exit_protocol, "the server's response is not a valid " + type.full_name() + ": " + why);
}

std::string url_of(const pb::Descriptor& type) { return std::string(url_prefix) + "/" + type.full_name(); }

}  // namespace

/// Finds types in the catalogue or among protobuf's own, ignoring the part of the URL before the last slash.
/// Remembers the name of a type that is missing. While it prints, a type that is declared unknown is found, too.
class MessageJson::Types final : public pb::util::TypeResolver {
 public:
  explicit Types(const pb::DescriptorPool& pool)
      : known_(pb::util::NewTypeResolverForDescriptorPool(url_prefix, &pool)),
        built_in_(
            pb::util::NewTypeResolverForDescriptorPool(url_prefix, pb::DescriptorPool::generated_pool())) {}

  pb::util::Status ResolveMessageType(const std::string& url, pb::Type* type) override {
    const std::string name = url.substr(url.rfind('/') + 1);
    if (printed && printed->unknown(name)) {
      *type = AnyTypes::replacement();
      return {};
    }
    const std::string known_url = std::string(url_prefix) + "/" + name;
    pb::util::Status status = known_->ResolveMessageType(known_url, type);
    if (!status.ok() && name.starts_with("google.protobuf."))
      status = built_in_->ResolveMessageType(known_url, type);
    if (!status.ok()) missing_ = name;
    return status;
  }
  pb::util::Status ResolveEnumType(const std::string& url, pb::Enum* type) override {
    const pb::util::Status status = known_->ResolveEnumType(url, type);
    return status.ok() ? status : built_in_->ResolveEnumType(url, type);
  }

  std::optional<std::string> take_missing() { return std::exchange(missing_, std::nullopt); }

  const AnyTypes* printed = nullptr;

 private:
  std::unique_ptr<pb::util::TypeResolver> known_;
  std::unique_ptr<pb::util::TypeResolver> built_in_;
  std::optional<std::string> missing_;
};

/// Remembers types: to convert a descriptor to one takes longer than to read a small message.
class JsonSerializer::Types final : public pb::util::TypeResolver {
 public:
  explicit Types(const pb::DescriptorPool& pool) : types_(pool) {}

  pb::util::Status ResolveMessageType(const std::string& url, pb::Type* type) override {
    const auto [found, fresh] = known_.try_emplace(url);
    if (fresh) {
      if (pb::util::Status status = types_.ResolveMessageType(url, &found->second); !status.ok()) {
        known_.erase(found);
        return status;
      }
    }
    *type = found->second;
    return {};
  }
  pb::util::Status ResolveEnumType(const std::string& url, pb::Enum* type) override {
    return types_.ResolveEnumType(url, type);
  }

 private:
  MessageJson::Types types_;
  std::unordered_map<std::string, pb::Type> known_;
};

JsonSerializer::JsonSerializer(std::shared_ptr<const pb::DescriptorPool> pool, const std::string& type)
    : pool_(std::move(pool)),
      type_(*pool_->FindMessageTypeByName(type)),
      url_(url_of(type_)),
      types_(std::make_unique<Types>(*pool_)),
      groups_(*pool_) {}

JsonSerializer::~JsonSerializer() = default;

Result<std::string> JsonSerializer::serialize(const std::string& json) {
  std::string bytes;
  const pb::util::Status status =
      pb::util::JsonToBinaryString(types_.get(), url_, json, &bytes, pb::util::JsonParseOptions());
  if (!status.ok())
    return ringrpc::fail(Code::INVALID_ARGUMENT, field_error(type_, status.message().ToString()));
  return groups_.delimited(type_, std::move(bytes));
}

MessageJson::MessageJson(Catalogue& catalogue, Options options)
    : catalogue_(catalogue),
      options_(options),
      types_(std::make_unique<Types>(catalogue.pool())),
      groups_(catalogue.pool()) {}

MessageJson::~MessageJson() = default;

/// Fetches the missing type. True if that succeeded, so that another attempt makes sense.
Task<Outcome<bool>> MessageJson::load_missing() {
  const std::optional<std::string> name = types_->take_missing();
  if (!name) co_return false;
  Outcome<bool> loaded = co_await catalogue_.load(*name);
  if (!loaded && loaded.error().exit_status != exit_not_found)
    co_return std::unexpected(std::move(loaded).error());
  co_return catalogue_.pool().FindMessageTypeByName(*name) != nullptr;
}

Task<Outcome<std::string>> MessageJson::parse(const pb::Descriptor& type, const JsonStream::Value& value,
                                              const std::string& source) {
  const std::string url = url_of(type);
  for (;;) {
    std::string bytes;
    const pb::util::Status status =
        pb::util::JsonToBinaryString(types_.get(), url, value.text, &bytes, pb::util::JsonParseOptions());
    if (status.ok()) co_return groups_.delimited(type, std::move(bytes));
    Outcome<bool> more = co_await load_missing();
    if (!more) co_return std::unexpected(std::move(more).error());
    if (!*more)
      co_return fail_with(exit_data, source + ": the message in line " + std::to_string(value.line) + ": " +
                                         field_error(type, status.message().ToString()));
  }
}

/// Fetches the type of an Any for printing, or declares why it is unknown. Does so for a limited number of unknown types,
/// because a server may send any number of them.
Task<> MessageJson::look_up(std::string name) {
  std::string why;
  if (looked_up_in_vain_ < unknown_types_max) {
    const Outcome<bool> loaded = co_await catalogue_.load(name);
    if (catalogue_.pool().FindMessageTypeByName(name)) co_return;
    ++looked_up_in_vain_;
    const bool absent = loaded || loaded.error().exit_status == exit_not_found;
    why = absent ? catalogue_.describes() + " no message '" + name + "'" : loaded.error().message;
  } else {
    why = "'" + name + "' was not looked up after " + std::to_string(unknown_types_max) + " unknown types";
  }
  anys_.declare_unknown(name, why + "; @value has its bytes");
}

/// The message in a form that protobuf can print: without groups, and with a replacement for each Any of an unknown type.
Task<Outcome<std::string>> MessageJson::printable(const pb::Descriptor& type, const std::string& bytes) {
  if (anys_.unknown_count() > unknown_types_max) anys_.forget_unknown();
  for (;;) {
    std::optional<std::string> prefixed = groups_.length_prefixed(type, bytes);
    if (!prefixed) co_return invalid_response(type, "it is malformed");
    if (!AnyTypes::concerned(type)) co_return std::move(*prefixed);
    std::set<std::string> missing;
    Result<std::string> wrapped = anys_.wrap(catalogue_.pool(), type, *prefixed, missing);
    if (!wrapped) co_return invalid_response(type, std::string(wrapped.error().message()));
    if (missing.empty()) co_return std::move(*wrapped);
    for (const std::string& name : missing) co_await look_up(name);
  }
}

/// protobuf's printer would leave out what follows a byte that is not UTF-8.
Task<Outcome<std::string>> MessageJson::print(const pb::Descriptor& type, const std::string& bytes) {
  const Bytes whole = as_bytes(bytes);
  if (const pb::FieldDescriptor* const wrong = find_wrong_text(type, Pieces(&whole, 1), TextRule::json))
    co_return invalid_response(type, wrong->full_name() + " is not valid UTF-8");
  Outcome<std::string> prepared = co_await printable(type, bytes);
  if (!prepared) co_return prepared;
  pb::util::JsonPrintOptions options;
  options.add_whitespace = !options_.compact;
  options.always_print_primitive_fields = options_.emit_defaults;
  std::string text;
  types_->printed = &anys_;
  const pb::util::Status status =
      pb::util::BinaryToJsonString(types_.get(), url_of(type), *prepared, &text, options);
  types_->printed = nullptr;
  if (!status.ok()) co_return invalid_response(type, status.message().ToString());
  if (!text.ends_with('\n')) text.push_back('\n');
  co_return text;
}

}  // namespace ringrpc::reflected
