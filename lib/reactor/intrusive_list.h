/// A doubly linked list whose elements contain its nodes, so that joining and leaving allocate nothing.
///
/// An element leaves the list when it is destroyed. It derives from ListNode once for each list that it can
/// be on at the same time (give the bases different tags).
#pragma once

#include <cassert>

namespace ringrpc {

template <class Tag = void>
class ListNodeOf {
 public:
  ListNodeOf() noexcept = default;
  ListNodeOf(const ListNodeOf&) = delete;
  ListNodeOf& operator=(const ListNodeOf&) = delete;
  ~ListNodeOf() { unlink(); }

  bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (!next_) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class, class>
  friend class ListOf;
  ListNodeOf* next_ = nullptr;
  ListNodeOf* previous_ = nullptr;
};

/// The list. Its destructor unlinks the elements that remain.
template <class T, class Tag>
class ListOf {
  using Node = ListNodeOf<Tag>;

 public:
  ListOf() noexcept { reset(); }
  ListOf(const ListOf&) = delete;
  ListOf& operator=(const ListOf&) = delete;
  ~ListOf() {
    while (pop_front()) {
    }
  }

  bool empty() const noexcept { return head_.next_ == &head_; }

  /// `element` must not be on a list of this tag.
  void push_back(T& element) noexcept { insert_before(head_, element); }
  void push_front(T& element) noexcept { insert_before(*head_.next_, element); }

  T* front() noexcept { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  T* back() noexcept { return empty() ? nullptr : static_cast<T*>(head_.previous_); }

  /// The element after `element`, which is on this list; null when it is the last.
  T* after(T& element) noexcept {
    Node* const next = static_cast<Node&>(element).next_;
    return next == &head_ ? nullptr : static_cast<T*>(next);
  }

  /// The element before `element`, which is on this list; null when it is the first.
  T* before(T& element) noexcept {
    Node* const previous = static_cast<Node&>(element).previous_;
    return previous == &head_ ? nullptr : static_cast<T*>(previous);
  }

  /// Unlinks and returns the first element; null when there is none.
  T* pop_front() noexcept {
    T* first = front();
    if (first) static_cast<Node*>(first)->unlink();
    return first;
  }

  /// The same for the last one.
  T* pop_back() noexcept {
    T* last = back();
    if (last) static_cast<Node*>(last)->unlink();
    return last;
  }

  /// Calls `visit(element)` for each element. `visit` may unlink or destroy that element, but no other.
  template <class Visit>
  void for_each(Visit visit) {
    for (Node* at = head_.next_; at != &head_;) {
      Node* next = at->next_;
      visit(*static_cast<T*>(at));
      at = next;
    }
  }

  /// Moves all elements of `other` to the end of this list.
  void splice(ListOf& other) noexcept {
    if (other.empty()) return;
    Node* first = other.head_.next_;
    Node* last = other.head_.previous_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
    other.reset();
  }

 private:
  void reset() noexcept { head_.next_ = head_.previous_ = &head_; }
  static void insert_before(Node& at, Node& node) noexcept {
    assert(!node.linked());
    node.next_ = &at;
    node.previous_ = at.previous_;
    at.previous_->next_ = &node;
    at.previous_ = &node;
  }

  struct Head : Node {
    ~Head() { this->next_ = nullptr; }
  } head_;
};

using ListNode = ListNodeOf<>;
template <class T>
using List = ListOf<T, void>;

}  // namespace ringrpc
