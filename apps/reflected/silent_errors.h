/// Drops the errors of protobuf's tokenizer, for texts that its parser reads as well and reports on.
#pragma once

#include <google/protobuf/io/tokenizer.h>
#include <string>

namespace ringrpc::reflected {

class SilentErrors final : public google::protobuf::io::ErrorCollector {
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};

}  // namespace ringrpc::reflected
