#include "reactor/uring/uring_ring.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

namespace ringrpc::uring {

namespace {

constexpr unsigned set_up_flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
                                  IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                                  IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                                  IORING_SETUP_CLAMP;

constexpr unsigned needed_features = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_SUBMIT_STABLE;

/// The only ones that the ring takes.
constexpr std::array needed_operations = {IORING_OP_ACCEPT,  IORING_OP_RECV,     IORING_OP_SEND,
                                          IORING_OP_SENDMSG, IORING_OP_POLL_ADD, IORING_OP_READ,
                                          IORING_OP_TIMEOUT, IORING_OP_MSG_RING, IORING_OP_ASYNC_CANCEL};

constexpr unsigned needed_entry_flags = IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS;

/// The number of completions between two readings of the clock.
constexpr std::size_t completions_a_look = 4;

/// Finds what forbids io_uring, and the remedy.
std::string explain_refusal() {
  int disabled = 0;
  std::ifstream("/proc/sys/kernel/io_uring_disabled") >> disabled;
  if (disabled != 0)
    return "the sysctl kernel.io_uring_disabled is " + std::to_string(disabled) + ": set it to 0";
  return "a seccomp profile forbids it, as the default ones of Docker and containerd do: allow "
         "io_uring_setup, "
         "io_uring_enter and io_uring_register there";
}

/// The reason why the ring could not be set up, and the remedy. `error` is an errno value.
std::string explain_failure(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return explain_refusal();
    case ENOSYS:
      return "the kernel was built without io_uring, or a seccomp profile hides it: use a kernel of 6.1 or "
             "later "
             "with CONFIG_IO_URING, and allow io_uring_setup, io_uring_enter and io_uring_register";
    case EINVAL:
    case EOPNOTSUPP:
      return "the kernel lacks a feature that is needed: use 6.1 or later";
    case ENOMEM:
      return "memory cannot be locked or is short: raise RLIMIT_MEMLOCK (ulimit -l) or the container's "
             "memory";
    case EMFILE:
      return "no descriptor is left: raise RLIMIT_NOFILE (ulimit -n)";
    default:
      return "no remedy is known; `dmesg` may say more";
  }
}

Status refused(const char* call, int error) {
  const Status cause = from_errno(call, error);
  return Status(cause.code(), "io_uring: " + std::string(cause.message()) + "; " + explain_failure(error),
                Initiator::library);
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::create(const UringOptions& options) {
  std::unique_ptr<Ring> ring(new Ring);
  if (Status status = ring->set_up(options); !status.ok()) return std::unexpected(std::move(status));
  return ring;
}

Status Ring::set_up(const UringOptions& options) {
  io_uring_params params{};
  params.flags = set_up_flags;
  params.cq_entries = options.completions;
  if (const int error = -io_uring_queue_init_params(options.submissions, &ring_, &params); error != 0)
    return refused("io_uring_setup", error);
  created_ = true;
  if ((params.features & needed_features) != needed_features) return refused("io_uring_setup", EINVAL);
  reaped_.reserve(std::size_t{2} * params.cq_entries);
  if (Status status = check_enter(); !status.ok()) return status;
  if (Status status = check_operations(); !status.ok()) return status;
  return restrict_operations();
}

/// A seccomp profile may allow io_uring_setup and forbid io_uring_enter; then nothing would ever complete.
Status Ring::check_enter() {
  const int error = -io_uring_enter(static_cast<unsigned>(ring_.ring_fd), 0, 0, 0, nullptr);
  // EBADFD is the error of a ring that is not enabled yet.
  return error <= 0 || error == EBADFD ? Status() : refused("io_uring_enter", error);
}

Status Ring::check_operations() {
  constexpr unsigned last = 255;
  const std::size_t bytes = sizeof(io_uring_probe) + (last + 1) * sizeof(io_uring_probe_op);
  const std::unique_ptr<void, void (*)(void*)> room(std::calloc(1, bytes), std::free);
  if (!room) return refused("io_uring_register", ENOMEM);
  auto* probe = static_cast<io_uring_probe*>(room.get());
  if (const int error = -io_uring_register_probe(&ring_, probe, last + 1); error != 0)
    return refused("io_uring_register", error);
  const auto supported = [&](int operation) { return io_uring_opcode_supported(probe, operation) != 0; };
  return std::ranges::all_of(needed_operations, supported) ? Status()
                                                           : refused("io_uring_register", EOPNOTSUPP);
}

/// A fault that fills in entries finds no operation that opens a file or a socket. In force once the ring is enabled.
Status Ring::restrict_operations() {
  std::array<io_uring_restriction, needed_operations.size() + 1> allowed{};
  for (std::size_t i = 0; i < needed_operations.size(); ++i) {
    allowed[i].opcode = IORING_RESTRICTION_SQE_OP;
    allowed[i].sqe_op = static_cast<__u8>(needed_operations[i]);
  }
  allowed.back().opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  allowed.back().sqe_flags = needed_entry_flags;
  const int error = -io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_RESTRICTIONS,
                                       allowed.data(), allowed.size());
  return error == 0 ? Status() : refused("io_uring_register", error);
}

Ring::~Ring() {
  if (created_) io_uring_queue_exit(&ring_);
}

io_uring_sqe* Ring::make_room() {
  enable();
  io_uring_submit(&ring_);
  return io_uring_get_sqe(&ring_);
}

bool Ring::wait(Instant until) {
  enable();
  enter(reaped_.empty() ? until : Instant::min());
  reap();
  return !reaped_.empty();
}

void Ring::enable() {
  if (user_ != std::thread::id()) return;
  // The thread that enables the ring becomes the only one that may enter it.
  // (liburing 2.3 declares io_uring_enable_rings and does not export it.)
  [[maybe_unused]] const int result =
      io_uring_register(static_cast<unsigned>(ring_.ring_fd), IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
  assert(result == 0);
  user_ = std::this_thread::get_id();
}

void Ring::enter(Instant until) {
  Nanoseconds sleep{0};
  __kernel_timespec limit{};
  __kernel_timespec* timeout = nullptr;
  if (until != never && until != Instant::min()) {
    sleep = until - std::chrono::steady_clock::now();
    limit.tv_sec = sleep.count() / std::nano::den;
    limit.tv_nsec = sleep.count() % std::nano::den;
    timeout = &limit;
  }
  const unsigned flags = IO_URING_READ_ONCE(*ring_.sq.kflags);
  // The completion queue is full. The kernel keeps further completions, and delivers them below, because this
  // turn has made room.
  if (flags & IORING_SQ_CQ_OVERFLOW) [[unlikely]]
    ++overflows_;
  if (until == never || sleep.count() > 0) {
    io_uring_cqe* first = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, timeout, nullptr);
  } else if (io_uring_sq_ready(&ring_) > 0) {
    io_uring_submit_and_get_events(&ring_);
  } else if (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) {
    io_uring_get_events(&ring_);
  }
  // A failed enter (EINTR, ETIME, EAGAIN, EBUSY) leaves the entries queued: the next turn submits them.
}

void Ring::reap() {
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* entry = nullptr;
  io_uring_for_each_cqe(&ring_, head, entry) {
    // The rest stays in the ring, so that nothing is allocated here and complete_later has room.
    if (reaped_.size() >= reaped_.capacity() / 2) break;
    ++count;
    if (void* operation = io_uring_cqe_get_data(entry))
      reaped_.push_back({static_cast<Operation*>(operation), entry->res, entry->flags});
  }
  io_uring_cq_advance(&ring_, count);
}

std::size_t Ring::buffers_used() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(
      reaped_, [](const Completion& each) { return (each.flags & IORING_CQE_F_BUFFER) != 0; }));
}

bool Ring::dispatch(Instant until) {
  // Completions that handlers add meanwhile wait for the next dispatch.
  const std::size_t count = reaped_.size();
  std::size_t done = 0;
  while (done < count) {
    const Completion completion = reaped_[done++];
    completion.operation->complete(completion.result, completion.flags);
    if (done % completions_a_look == 0 && std::chrono::steady_clock::now() >= until) break;
  }
  reaped_.erase(reaped_.begin(), reaped_.begin() + static_cast<std::ptrdiff_t>(done));
  return done == count;
}

}  // namespace ringrpc::uring
