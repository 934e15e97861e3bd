#include "admin/page_reply.h"

#include <cassert>
#include <utility>

#include "admin/admin_shard.h"
#include "http1/response.h"

namespace ringrpc::admin {
namespace {

int http_status(Code code) noexcept {
  return code == Code::UNAVAILABLE || code == Code::RESOURCE_EXHAUSTED ? 503 : 500;
}

}  // namespace

Method method_of(std::string_view name) noexcept {
  if (name == "GET") return Method::get;
  return name == "HEAD" ? Method::head : Method::other;
}

void PageReply::request(Method method, PageRequest request) {
  if (method == Method::other) return refuse(405, "The pages are read with GET or HEAD.\n");
  page_ = owner_.pages().find(request.path);
  if (!page_) return refuse(404, owner_.pages().list());
  page_->request(*this, std::move(request));
}

void PageReply::refuse(int status, std::string text) {
  forget_page();
  settle({.status = status, .body = std::move(text)});
}

void PageReply::refuse_host() {
  refuse(421,
         "The pages are not served for this host. Use an IP address or localhost, or add the host's name to "
         "AdminOptions::hosts (grpcd --admin-host).\n");
}

void PageReply::on_page(Result<PageResponse> response) noexcept {
  page_ = nullptr;
  contain([&] {
    if (response) return settle(*std::move(response));
    refuse(http_status(response.error().code()), std::string(response.error().message()) + '\n');
  });
}

void PageReply::settle(PageResponse response) {
  assert(field_count_ == 0);  // one reply to a request
  if (response.status < 200 || response.status > 599)
    response = {.status = 500, .body = "The page has an invalid status.\n"};
  if (!http1::has_body(response.status)) response.body.clear();
  if (const int refused = owner_.hold(response.body.size()); refused != 0) {
    response = {.status = refused,
                .body = refused == 500 ? "The page is too large.\n" : "Too many pages are being sent.\n"};
    owner_.hold_always(response.body.size());
  }
  response_ = std::move(response);
  held_bytes_ = response_.body.size();
  add("content-type", response_.content_type);
  add("cache-control", "no-store");
  add("x-content-type-options", "nosniff");
  if (!response_.content_security_policy.empty())
    add("content-security-policy", response_.content_security_policy);
  if (response_.status == 405) add("allow", "GET, HEAD");
  receiver_.on_reply();
}

void PageReply::reset() noexcept {
  forget_page();
  owner_.release(std::exchange(held_bytes_, 0));
  std::string().swap(response_.body);
  field_count_ = 0;
  passed_bytes_ = 0;
}

void PageReply::forget_page() noexcept {
  if (page_) std::exchange(page_, nullptr)->forget(*this);
}

}  // namespace ringrpc::admin
