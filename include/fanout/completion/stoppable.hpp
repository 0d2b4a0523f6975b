// SPDX-License-Identifier: BSL-1.0
#ifndef FANOUT_COMPLETION_STOPPABLE_HPP
#define FANOUT_COMPLETION_STOPPABLE_HPP

#include <new>
#include <type_traits>
#include <utility>

#include "fanout/completion/adaptor.hpp"
#include "fanout/completion/concept.hpp"
#include "fanout/stop_token.hpp"

namespace fanout::completion {

/// Adds an outer stop token to a completion: when stop is requested there, the operation asks its branches to stop. It is a
/// request; the branches report all the same, and the operation completes when they have.
///
/// The stop callback takes a reference unless the operation is drained, and is deregistered (joined) by the last completer
/// before anything is combined. So it may come at any time, on any thread, as often as it likes: before the first start, inside
/// a branch's completion, while the last branch completes. If it drops the last reference, the completion runs on the
/// requesting thread, inside `request_stop()`.
template <class Token, class Completion>
class stoppable : public adaptor<Completion> {
 public:
  stoppable(Token token, Completion completion) noexcept
      : adaptor<Completion>(std::move(completion)), token_(std::move(token)) {}
  stoppable(stoppable&& other) noexcept : adaptor<Completion>(std::move(other)), token_(std::move(other.token_)) {}
  ~stoppable() {}

  template <class Op>
  void connect(Op& op) noexcept {
    this->connect_inner(op);
    op_ = &op;
    pass_on_ = [](void* to) noexcept {
      Op& stopped = *static_cast<Op*>(to);
      if (!stopped.try_hold()) return;  // drained: there is nobody left to ask
      stopped.request_stop();
      stopped.release_hold();
    };
    ::new (static_cast<void*>(&callback_)) callback_type(token_, on_stop{this});
  }

  void disconnect() noexcept {
    callback_.~callback_type();
    this->disconnect_inner();
  }

 private:
  struct on_stop {
    stoppable* self;
    // Copies what it needs: releasing the hold may deliver, and end the life of the callback that is running.
    void operator()() const noexcept {
      auto* const pass_on = self->pass_on_;
      void* const op = self->op_;
      pass_on(op);
    }
  };
  using callback_type = stop_callback_for_t<Token, on_stop>;

  [[no_unique_address]] Token token_;
  void* op_ = nullptr;
  void (*pass_on_)(void*) noexcept = nullptr;
  union {
    callback_type callback_;  // lives from connect to disconnect
  };
};

}  // namespace fanout::completion

#endif
