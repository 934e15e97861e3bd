#include "rpc/message/message_work.h"

#include <limits>
#include <string>
#include <utility>

#include "rpc/message/compressor.h"

namespace ringrpc {

void ParseWork::work() {
  restored_bytes = bytes_.size();
  if (encoding_ != Compression::identity) {
    std::vector<std::uint8_t> restored;
    status = decompress(encoding_, bytes_, max_message_bytes_, restored);
    restored_bytes = restored.size();
    bytes_ = std::move(restored);
  }
  memory_bytes = bytes_.size();
  if (status.ok() && form_.type) parse();
}

void ParseWork::parse() {
  constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();
  Bytes message = bytes_;
  const bool possible = message.size() <= std::numeric_limits<int>::max();  // protobuf's limit
  if (form_.shape && possible) {
    MessageWeight weight = form_.shape->weigh(Pieces(&message, 1), any_number);
    if (weight.unknown_fields > 0 && !form_.keeps_unknown_fields) {
      bytes_ = form_.shape->without_unknown_fields(message);
      message = bytes_;
      weight = form_.shape->weigh(Pieces(&message, 1), any_number);
    }
    memory_bytes = weight.memory_bytes;
  }
  if (memory_bytes > room_bytes_) {
    status = Status(Code::RESOURCE_EXHAUSTED,
                    "the request takes some " + std::to_string(memory_bytes) +
                        " bytes of memory, and the calls of its connection have " +
                        std::to_string(room_bytes_) + " left",
                    Initiator::peer);
    return;
  }
  if (possible) parsed = form_.type->parse(Pieces(&message, 1));
  if (!parsed)
    status = detail::unparsable("a request",
                                form_.type->descriptor
                                    ? detail::find_parse_fault(*form_.type->descriptor, Pieces(&message, 1))
                                    : std::string());
  std::vector<std::uint8_t>().swap(bytes_);
}

}  // namespace ringrpc
