/// Records the calls with an id that a server has begun and ended, for tests that check that each call was
/// done once.
///
///   Ledger ledger;
///   options.interceptors = {&ledger};                       // of ServerOptions
///   ledger.label(call_options.metadata, "17");              // in the client
///   ...
///   CHECK(ledger["17"].begun == 1);
///   CHECK(Ledger::came_back(response.metadata.initial, response.metadata.trailing, "17"));
///
/// It returns the id with the response, as text before the messages and as bytes after them. The id also
/// selects the compression of the responses.
#pragma once

#include <charconv>
#include <map>
#include <string>
#include <string_view>

#include "ringrpc/channel.h"
#include "ringrpc/interceptor.h"

namespace ringrpc {

class Ledger final : public Interceptor {
 public:
  struct Entry {
    int begun = 0;
    int answered = 0;  ///< with any status
  };

  static bool label(Metadata& request, std::string_view id) {
    return request.add(text_name, id).ok() && request.add(binary_name, binary_of(id)).ok();
  }

  static bool came_back(const Metadata& initial, const Metadata& trailing, std::string_view id) {
    return initial.find(text_name) == id && trailing.find(binary_name) == binary_of(id);
  }

  /// The compression of that call's responses.
  static Compression compression_of(std::string_view id) {
    unsigned number = 0;
    std::from_chars(id.data(), id.data() + id.size(), number);
    return static_cast<Compression>(number % 4);
  }

  Entry operator[](const std::string& id) const {
    const auto found = entries_.find(id);
    return found == entries_.end() ? Entry() : found->second;
  }

  /// The number of ids that have come.
  std::size_t size() const noexcept { return entries_.size(); }

 private:
  static constexpr std::string_view text_name = "call-id";
  static constexpr std::string_view binary_name = "call-id-bin";

  /// No text, so that only the encoding of binary metadata can carry it.
  static std::string binary_of(std::string_view id) {
    return std::string(1, '\0').append(id).append("\xff\n");
  }

  Task<Status> intercept(Call& call, Next next) override {
    const std::string id(call.metadata().find(text_name).value_or("none"));
    const std::string binary(call.metadata().find(binary_name).value_or("none"));
    Entry& entry = entries_[id];
    ++entry.begun;
    (void)call.initial_metadata().add(text_name, id);
    (void)call.trailing_metadata().add(binary_name, binary);
    call.set_compression(compression_of(id));
    Status status = co_await next();
    ++entry.answered;
    co_return status;
  }

  std::map<std::string, Entry> entries_;
};

}  // namespace ringrpc
