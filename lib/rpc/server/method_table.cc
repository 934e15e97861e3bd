#include "rpc/server/method_table.h"

#include <algorithm>
#include <cassert>

namespace ringrpc {
namespace {

RequestForm form_of(const Method& method, bool keeps_unknown_fields) {
  RequestForm form{.keeps_unknown_fields = keeps_unknown_fields};
  if (!method.request) return form;
  form.type = method.request();
  if (form.type->descriptor) form.shape = &MessageShape::of(*form.type->descriptor);
  return form;
}

/// Gives a Fallback the form of a service.
class FallbackService final : public Service {
 public:
  explicit FallbackService(Fallback& fallback) noexcept : fallback_(fallback) {}
  std::string_view service_name() const noexcept override { return {}; }
  std::span<const Method> service_methods() const noexcept override { return {&any, 1}; }

 private:
  static Task<Status> serve(Service& service, Call& call, MessageStream& stream) {
    return static_cast<FallbackService&>(service).fallback_.serve(call, stream);
  }

  static constexpr Method any{"", MethodKind::bidirectional, &serve};

  Fallback& fallback_;
};

/// The place of the slash between the service and the method; npos if `path` has not both.
std::size_t method_slash(std::string_view path) noexcept {
  const std::size_t slash = path.rfind('/');
  const bool whole = path.starts_with('/') && slash > 1 && slash + 1 < path.size();
  return whole ? slash : std::string_view::npos;
}

}  // namespace

std::string excerpt(std::string_view text) {
  constexpr std::size_t quoted_bytes_max = 100;
  if (text.size() <= quoted_bytes_max) return std::string(text);
  return std::string(text.substr(0, quoted_bytes_max)) + "...";
}

Status MethodTable::add(std::span<Service* const> services) {
  assert(services_.empty());
  if (std::ranges::count(services, nullptr) > 0)
    return Status(Code::INVALID_ARGUMENT, "a service is null", Initiator::application);
  for (Service* const service : services)
    if (Status status = add(*service); !status.ok()) return status;
  for (Service* const service : services)
    if (Status status = service->on_start(services); !status.ok()) return status;
  return {};
}

Status MethodTable::add(Service& service) {
  const std::string name(service.service_name());
  if (std::ranges::find(services_, name) != services_.end())
    return Status(Code::ALREADY_EXISTS, "service " + name + " is registered twice", Initiator::application);
  services_.push_back(name);
  for (const Method& method : service.service_methods()) {
    const std::string path = "/" + name + "/" + std::string(method.name);
    auto registered = std::make_unique<RegisteredMethod>(RegisteredMethod{
        methods_.size(), path, path, &service, &method, form_of(method, service.keeps_unknown_fields())});
    const auto [added, fresh] = methods_.emplace(registered->path, std::move(registered));
    if (fresh) in_order_.push_back(added->second.get());
  }
  return {};
}

void MethodTable::add(Fallback& fallback) { fallback_ = std::make_unique<FallbackService>(fallback); }

std::unique_ptr<const RegisteredMethod> MethodTable::unregistered(std::string_view path) const {
  if (!fallback_ || method_slash(path) == std::string_view::npos) return nullptr;
  return std::make_unique<const RegisteredMethod>(RegisteredMethod{methods_.size(),
                                                                   std::string(path),
                                                                   excerpt(path),
                                                                   fallback_.get(),
                                                                   &fallback_->service_methods().front(),
                                                                   {}});
}

Status MethodTable::unknown(std::string_view path) const {
  const auto refuse = [](std::string message) {
    return Status(Code::UNIMPLEMENTED, std::move(message), Initiator::library);
  };
  const std::size_t slash = method_slash(path);
  if (slash == std::string_view::npos)
    return refuse("malformed path \"" + std::string(path) + "\", want /package.Service/Method");
  const std::string_view service = path.substr(1, slash - 1);
  if (std::ranges::find(services_, service) == services_.end())
    return refuse("unknown service " + std::string(service));
  return refuse("unknown method " + std::string(path.substr(slash + 1)) + " of service " +
                std::string(service));
}

}  // namespace ringrpc
