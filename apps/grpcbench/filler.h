/// Fills the templates of a plan, for one call of a thread after the other.
///
///   Filler filler(plan);
///   Status status = filler.fill({.operation = 0, .turn = 3, .call = 3, .worker = 0}, filled);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ringrpc/codec.h"
#include "ringrpc/metadata.h"
#include "ringrpc/status.h"

#include "grpcbench/plan.h"
#include "grpcbench/template.h"
#include "reflected/message_json.h"

namespace ringrpc::grpcbench {

/// What was filled for a call.
struct Filled {
  std::vector<RawMessage> messages;
  Metadata headers;
};

class Filler {
 public:
  /// A call, by the numbers that select its messages and fill them.
  struct Numbers {
    std::size_t operation;
    std::uint64_t turn;
    std::uint64_t call;
    std::uint64_t worker;
  };

  /// `plan` must outlive it.
  explicit Filler(const Plan& plan);

  /// True if the plan has a template.
  static bool needed(const Plan& plan) noexcept;

  /// Fills the messages if the operation has templates, and the headers if the plan has. INVALID_ARGUMENT
  /// if a message is not valid with these values.
  Status fill(const Numbers& numbers, Filled& filled);

 private:
  Status fill_message(std::size_t operation, std::size_t index, RawMessage& message);
  Status fill_headers(Metadata& headers);

  const Plan& plan_;
  TemplateValues values_;
  std::vector<std::unique_ptr<reflected::JsonSerializer>> serializers_;  // null without templates
  std::string text_;
};

}  // namespace ringrpc::grpcbench
