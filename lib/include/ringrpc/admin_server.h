/// Pages about a process for its operators, over HTTP/1.1 and HTTP/2: browsers, curl,
/// Prometheus and probes read them.
///
///   std::vector<AdminPage> pages = server_pages(server, health);  // ringrpc/admin_pages.h
///   pages.emplace_back("/build", "Version", [](PageRequest) { return PageResponse{.body = "1.4\n"}; });
///   auto admin = AdminServer::start({.listen = {"127.0.0.1:9901"}}, pages);
///
/// The pages have addresses and a thread of their own, so that they and the calls of a Server do not delay
/// each other. Give them loopback addresses or unix sockets: they are neither encrypted nor
/// access-controlled, and may contain data about clients. Other addresses get a warning in the log.
///
/// GET and HEAD are served. A port speaks HTTP/1.1, with keep-alive and pipelining, and HTTP/2 with
/// prior knowledge (RFC 9113, 3.3), with several requests at once. `/` is an index of the pages,
/// unless a page has that path.
#pragma once

#include "ringrpc/compiler.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "ringrpc/export.h"
#include "ringrpc/io_backend.h"
#include "ringrpc/listen_addresses.h"
#include "ringrpc/status.h"
#include "ringrpc/task.h"

namespace ringrpc {

/// A request for a page.
struct PageRequest {
  std::string path{};    ///< "/metrics", percent-encoded
  std::string query{};   ///< after the '?', percent-encoded
  std::string accept{};  ///< the value of Accept (RFC 9110, 12.5.1); empty if there is none
};

/// The response to a request for a page.
struct PageResponse {
  int status = 200;                                        ///< 200 to 599. 204 and 304 go without the body.
  std::string content_type = "text/plain; charset=utf-8";  ///< of the body (RFC 9110, 8.3)
  std::string content_security_policy{};                   ///< https://www.w3.org/TR/CSP3/; empty for none
  std::string body{};                                      ///< freed when the client has taken it
};

/// A path and the function that makes its page.
class AdminPage {
 public:
  /// Makes the page for a request.
  using Make = std::function<Task<Result<PageResponse>>(PageRequest)>;

  /// `path` begins with '/'. `title` is a line for the index. `make` takes a PageRequest and returns a
  /// PageResponse, a Result<PageResponse>, or a Task of that, which may suspend. It runs on the admin
  /// server's thread and must not block it; a page is made for one request at a time, and further requests
  /// wait. It is not cancelled when its client closes the connection or the page timeout passes. A failure is
  /// a response with status 503 for UNAVAILABLE and RESOURCE_EXHAUSTED, else 500, and the status's message.
  template <class F>
  AdminPage(std::string path, std::string title, F make)
      : path_(std::move(path)), title_(std::move(title)), make_(as_coroutine(std::move(make))) {}

  const std::string& path() const noexcept { return path_; }    ///< "/metrics"
  const std::string& title() const noexcept { return title_; }  ///< its line in the index
  /// Makes the page for `request`. The task refers to this object.
  Task<Result<PageResponse>> make(PageRequest request) const { return make_(std::move(request)); }

 private:
  template <class F>
  static constexpr bool makes_response = std::is_invocable_r_v<Result<PageResponse>, const F&, PageRequest>;
  template <class F>
  static constexpr bool makes_task = std::is_invocable_r_v<Task<Result<PageResponse>>, const F&, PageRequest>;

  template <class F>
  static Make as_coroutine(F make) {
    static_assert(makes_response<F> || makes_task<F>,
                  "a page's function is `[](PageRequest) { return PageResponse{.body = text}; }`; it may "
                  "also return a Result<PageResponse>, or a Task of that");
    if constexpr (makes_task<F>) {
      return make;
    } else if constexpr (makes_response<F>) {
      return [make = std::move(make)](PageRequest request) { return call(make, std::move(request)); };
    }
  }
  /// The task refers to the page's function.
  template <class F>
  static Task<Result<PageResponse>> call(const F& make, PageRequest request) {
    co_return make(std::move(request));
  }

  std::string path_;
  std::string title_;
  Make make_;
};

/// The options of an admin server. Sizes are in bytes.
struct AdminOptions {
  /// The addresses to listen on, in the syntax of ServerOptions::listen, without TLS.
  ListenAddresses listen{};
  /// Further host names of this server, without ports. A request to a TCP address may name in Host or
  /// :authority an IP address, `localhost`, the host names in `listen`, and these; other requests get 421. So
  /// no web page can read the pages through the browser of its visitor by having its own name resolve to this
  /// server (DNS rebinding). Requests to unix sockets and vsock may name any host.
  std::vector<std::string> hosts{};
  /// The I/O backend of its thread.
  IoBackend io = IoBackend::automatic;
  /// At least 1. A further connection takes the place of another: of one that waits for its client, or for a
  /// page if more connections wait for pages than for clients. Of these the address with most connections
  /// loses the one that has waited longest. So a probe from another address finds and keeps a place.
  std::uint32_t max_connections = 64;
  std::size_t max_page_bytes = 32 * 1024 * 1024;   ///< of one page; a larger one is a failure (500)
  std::size_t max_total_bytes = 64 * 1024 * 1024;  ///< of pages that are being sent; beyond it 503
  /// The time that a connection may wait for a request. HTTP/2 gets GOAWAY then.
  std::chrono::milliseconds idle_timeout{120'000};
  /// The time from a request's first byte to its last. After that the client gets 408, and the connection is
  /// closed. Over HTTP/2, it is the time from a request's header block to END_STREAM, and only the stream
  /// ends. The connection ends if its preface takes as long.
  std::chrono::milliseconds header_timeout{10'000};
  /// The time to make a page, including the wait for requests before it. After that the client gets 504.
  std::chrono::milliseconds page_timeout{10'000};
  /// The time in which a client must read a response. After that the connection is closed. Over HTTP/2 only
  /// the stream is reset, unless the whole connection took no bytes in that time.
  std::chrono::milliseconds write_timeout{60'000};
};

/// A running admin server. Its functions may be called from any thread.
class RINGRPC_EXPORT AdminServer {
 public:
  /// Starts the thread and listens. Objects that the pages use must outlive the admin server. Fails with a
  /// status that names the cause and the remedy: INVALID_ARGUMENT for an address that is not understood or
  /// has TLS, a host with a port, a limit of 0, or two pages of one path; ALREADY_EXISTS for an address in use.
  [[nodiscard("destroying it ends the server")]] static Result<std::unique_ptr<AdminServer>> start(
      const AdminOptions& options, std::vector<AdminPage> pages);

  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  /// Closes all connections at once and destroys the pages that are being made. Not from a page.
  virtual ~AdminServer() = default;

  /// The bound addresses, with the ports that the kernel has chosen, in the order of the options.
  virtual const std::vector<std::string>& addresses() const noexcept = 0;

 protected:
  AdminServer() = default;
};

}  // namespace ringrpc
