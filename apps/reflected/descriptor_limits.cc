#include "reflected/descriptor_limits.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace ringrpc::reflected {

namespace pb = google::protobuf;

namespace {

/// Calls `take` with each element of a list.
template <class List, class Take>
bool any(const List& list, Take take) {
  return std::ranges::any_of(list, take);
}

template <class Element>
bool unresolved(const Element& element) {
  return element.options().uninterpreted_option_size() > 0;
}

bool unresolved(const pb::EnumDescriptorProto& type) {
  return type.options().uninterpreted_option_size() > 0 ||
         any(type.value(), unresolved<pb::EnumValueDescriptorProto>);
}

bool unresolved(const pb::ServiceDescriptorProto& service) {
  return service.options().uninterpreted_option_size() > 0 ||
         any(service.method(), unresolved<pb::MethodDescriptorProto>);
}

bool unresolved(const pb::DescriptorProto& message) {
  const auto each = [](const auto& element) { return unresolved(element); };
  return message.options().uninterpreted_option_size() > 0 || any(message.field(), each) ||
         any(message.extension(), each) || any(message.oneof_decl(), each) ||
         any(message.extension_range(), each) || any(message.enum_type(), each) ||
         any(message.nested_type(), each);
}

bool unresolved(const pb::FileDescriptorProto& file) {
  const auto each = [](const auto& element) { return unresolved(element); };
  return file.options().uninterpreted_option_size() > 0 || any(file.enum_type(), each) ||
         any(file.service(), each) || any(file.extension(), each) || any(file.message_type(), each);
}

std::size_t count(int size) { return static_cast<std::size_t>(size); }

}  // namespace

/// Measures the full names of a file, and what its elements are compared with.
class DescriptorLimits::Names {
 public:
  /// `imports` is the number of files that a name of a type may be in.
  explicit Names(std::size_t imports) : imports_(imports) {}

  std::size_t longest() const noexcept { return longest_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t comparisons() const noexcept { return comparisons_; }

  void add(const pb::FileDescriptorProto& file) {
    const std::size_t scope = file.package().size();
    longest_ = std::max(longest_, scope);
    for (const auto& each : file.enum_type()) add(each, scope);
    for (const auto& each : file.service()) add(each, scope);
    for (const auto& each : file.extension()) add(each, scope);
    for (const auto& each : file.message_type()) add(each, scope);
  }

 private:
  /// Returns the size of the full name.
  std::size_t add_name(const std::string& name, std::size_t scope) {
    const std::size_t size = scope + 1 + name.size();
    longest_ = std::max(longest_, scope == 0 ? name.size() : size);
    bytes_ += size;
    return size;
  }

  void add(const pb::FieldDescriptorProto& field, std::size_t scope) {
    add_name(field.name(), scope);
    longest_ = std::max({longest_, field.type_name().size(), field.extendee().size()});
    comparisons_ += imports_ * (count(field.has_type_name()) + count(field.has_extendee()));
  }

  void add(const pb::EnumDescriptorProto& type, std::size_t scope) {
    add_name(type.name(), scope);
    // The values have no scope of their own. protobuf finds them by both names.
    for (const auto& value : type.value()) add_name(value.name(), scope + type.name().size());
    const std::size_t ranges = count(type.reserved_range_size());
    comparisons_ += ranges * (ranges + count(type.value_size()));
  }

  void add(const pb::ServiceDescriptorProto& service, std::size_t scope) {
    const std::size_t inside = add_name(service.name(), scope);
    for (const auto& method : service.method()) {
      add_name(method.name(), inside);
      longest_ = std::max({longest_, method.input_type().size(), method.output_type().size()});
    }
    comparisons_ += imports_ * count(service.method_size()) * 2;
  }

  void add(const pb::DescriptorProto& message, std::size_t scope) {
    const std::size_t inside = add_name(message.name(), scope);
    for (const auto& each : message.field()) add(each, inside);
    for (const auto& each : message.extension()) add(each, inside);
    for (const auto& each : message.oneof_decl()) add_name(each.name(), inside);
    for (const auto& each : message.enum_type()) add(each, inside);
    for (const auto& each : message.nested_type()) add(each, inside);
    const std::size_t ranges = count(message.reserved_range_size()) + count(message.extension_range_size());
    comparisons_ += ranges * (ranges + count(message.field_size()));
  }

  const std::size_t imports_;
  std::size_t longest_ = 0;
  std::size_t bytes_ = 0;
  std::size_t comparisons_ = 0;
};

/// The chains of the messages of a file, by Tarjan's algorithm, which recurses neither over types nor over files. A chain
/// through types that contain one another may visit all of them, so they count together.
class DescriptorLimits::Chains {
 public:
  /// `known` has the chains of imported types, and gets those of the file.
  explicit Chains(std::unordered_map<std::string, std::size_t>& known) : known_(known) {}

  /// The length of the longest chain.
  std::size_t add(const pb::FileDescriptorProto& file) {
    const std::string scope = file.package().empty() ? "" : "." + file.package();
    for (const auto& each : file.message_type()) collect(each, scope);
    for (Type& type : types_) connect(type);
    for (std::size_t at = 0; at < types_.size(); ++at)
      if (types_[at].order == 0) visit(at);
    for (const Type& type : types_) known_[type.name] = type.chain;
    return longest_;
  }

 private:
  struct Type {
    std::string name;
    const pb::DescriptorProto* message;
    std::vector<std::size_t> fields{};  // the types of the file that it contains
    std::size_t chain = 0;              // until it is known, of the types that it contains
    std::size_t order = 0;              // in which it was visited, from 1
    std::size_t lowest = 0;
    std::size_t next = 0;  // of the fields
    bool open = false;     // it is in `path_`
  };

  void collect(const pb::DescriptorProto& message, const std::string& scope) {
    std::string name = scope + "." + message.name();
    numbers_.emplace(name, types_.size());
    types_.push_back({.name = name, .message = &message});
    for (const auto& each : message.nested_type()) collect(each, name);
  }

  void connect(Type& type) {
    for (const auto& field : type.message->field()) {
      if (field.type_name().starts_with('.')) {
        connect(type, field.type_name());
        continue;
      }
      for (std::string scope = type.name; !field.type_name().empty();) {
        if (connect(type, scope + "." + field.type_name()) || scope.empty()) break;
        scope.resize(scope.rfind('.'));
      }
    }
  }

  /// False if there is no message of this name.
  bool connect(Type& type, const std::string& name) {
    if (const auto found = numbers_.find(name); found != numbers_.end()) {
      type.fields.push_back(found->second);
      return true;
    }
    const auto found = known_.find(name);
    if (found == known_.end()) return false;
    type.chain = std::max(type.chain, found->second);
    return true;
  }

  void open(std::size_t at) {
    types_[at].order = types_[at].lowest = ++visited_;
    types_[at].open = true;
    path_.push_back(at);
    unfinished_.push_back(at);
  }

  void visit(std::size_t first) {
    open(first);
    while (!unfinished_.empty()) {
      Type& type = types_[unfinished_.back()];
      if (type.next == type.fields.size()) {
        finish(unfinished_.back());
        continue;
      }
      Type& field = types_[type.fields[type.next]];
      if (field.order == 0) {
        open(type.fields[type.next]);
        continue;  // and comes back to this field
      }
      if (field.open)
        type.lowest = std::min(type.lowest, field.lowest);
      else
        type.chain = std::max(type.chain, field.chain);
      ++type.next;
    }
  }

  /// Ends the visit of a type. If no type in the path before it contains it, those behind it are a circle.
  void finish(std::size_t at) {
    unfinished_.pop_back();
    if (types_[at].lowest != types_[at].order) return;
    auto begin = path_.end() - 1;
    while (*begin != at) --begin;
    std::size_t chain = 0;
    for (auto each = begin; each != path_.end(); ++each) chain = std::max(chain, types_[*each].chain);
    chain += static_cast<std::size_t>(path_.end() - begin);
    longest_ = std::max(longest_, chain);
    for (auto each = begin; each != path_.end(); ++each) {
      types_[*each].chain = chain;
      types_[*each].open = false;
    }
    path_.erase(begin, path_.end());
  }

  std::unordered_map<std::string, std::size_t>& known_;
  std::vector<Type> types_;
  std::unordered_map<std::string, std::size_t> numbers_;  // of `types_`, by name
  std::vector<std::size_t> path_;
  std::vector<std::size_t> unfinished_;
  std::size_t visited_ = 0;
  std::size_t longest_ = 0;
};

std::string DescriptorLimits::exceeded_by(const pb::FileDescriptorProto& file) {
  const auto files_of = [&](const std::string& import) {
    const auto found = visible_.find(import);
    return found == visible_.end() ? 1 : found->second;
  };
  std::size_t imports = 1;
  for (const std::string& import : file.dependency()) imports += files_of(import);
  std::size_t passed_on = 1;
  for (const int at : file.public_dependency())
    if (at >= 0 && at < file.dependency_size()) passed_on += files_of(file.dependency(at));
  // Files that pass on one another's imports would soon exceed any number.
  visible_[file.name()] = std::min(passed_on, comparisons_max);

  Names names(std::min(imports, comparisons_max));
  names.add(file);
  name_bytes_ += names.bytes();
  comparisons_ += names.comparisons();
  if (names.longest() > name_bytes_max)
    return "a name in it has more than " + std::to_string(name_bytes_max) + " bytes";
  if (name_bytes_ > all_name_bytes_max)
    return "the full names up to it take more than " + std::to_string(all_name_bytes_max >> 20) + " MiB";
  if (comparisons_ > comparisons_max)
    return "linking the files up to it takes more than " + std::to_string(comparisons_max) +
           " comparisons; each reserved range and each extension range of a message or an enum is compared "
           "with the others, and with each field or value";
  if (Chains(chains_).add(file) > chain_max)
    return "its messages contain one another in a chain of more than " + std::to_string(chain_max);
  return {};
}

std::string DescriptorLimits::fault_of_compiled(const pb::FileDescriptorProto& file) {
  if (unresolved(file)) return "it has an uninterpreted_option, which only the source of a file has";
  return exceeded_by(file);
}

}  // namespace ringrpc::reflected
