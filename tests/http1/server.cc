#include "http1/server.h"

#include <charconv>
#include <doctest/doctest.h>
#include <ostream>

namespace ringrpc::http1::test {

std::string text(const Chain& chain) {
  std::string all;
  chain.for_each_piece(0, chain.size(), [&](Bytes piece) { all += as_text(piece); });
  return all;
}

Server::Server(const Limits& chosen) : limits(chosen), session(limits, slabs, *this) {}

Status Server::receive(std::string_view bytes, std::size_t piece_bytes) {
  Status last;
  while (!bytes.empty()) {
    last = receive(bytes.substr(0, piece_bytes));
    bytes.remove_prefix(std::min(bytes.size(), piece_bytes));
  }
  return last;
}

std::string Server::produce(std::size_t limit_bytes) {
  std::string all;
  while (session.wants_to_produce()) {
    Chain out(slabs);
    session.produce(out, limit_bytes);
    CHECK(out.size() <= limit_bytes);
    all += text(out);
  }
  return all;
}

void Server::on_request(const Request& request) {
  body.clear();
  std::string event = "request " + std::string(request.method) + ' ' + std::string(request.path);
  if (!request.query.empty()) event += '?' + std::string(request.query);
  events.push_back(event);
  if (on_request_hook) on_request_hook(request);
}

void Server::on_body(Bytes bytes) {
  CHECK_FALSE(bytes.empty());
  if (!events.back().starts_with("body ")) events.emplace_back("body ");
  events.back() += as_text(bytes);
  body += as_text(bytes);
  if (consumes) session.consumed(bytes.size());
  if (on_body_hook) on_body_hook(bytes);
}

void Server::on_request_end() {
  events.emplace_back("end");
  if (on_end_hook) return on_end_hook();
  session.respond({}, as_bytes(std::to_string(body.size())));
}

void Server::on_writable() {
  ++writable;
  if (on_writable_hook) on_writable_hook();
}

void Server::on_response_end() {
  events.emplace_back("response end");
  if (on_response_end_hook) on_response_end_hook();
}

void Server::on_aborted(const Status& why) { events.push_back("aborted " + std::string(why.message())); }

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const std::string& event : outcome.events) out << event << "; ";
  return out << "sent: " << outcome.sent << "failure: " << outcome.failure
             << (outcome.finished ? ", finished" : "");
}

Outcome outcome_of(std::string_view bytes, const Limits& limits, const std::vector<std::size_t>& cuts) {
  Server server(limits);
  Outcome outcome;
  std::size_t begin = 0;
  const auto receive_to = [&](std::size_t end) {
    const Status status = server.receive(bytes.substr(begin, end - begin));
    CHECK(status.message() == server.session.failure().message());
    outcome.sent += server.produce();
    begin = end;
  };
  for (const std::size_t cut : cuts) receive_to(cut);
  receive_to(bytes.size());
  outcome.failure = server.session.failure().message();
  outcome.events = server.events;
  outcome.finished = server.session.finished();
  return outcome;
}

Outcome outcome_however_cut(std::string_view bytes, const Limits& limits) {
  const Outcome whole = outcome_of(bytes, limits, {});
  std::vector<std::size_t> all_cuts;
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    all_cuts.push_back(cut);
    INFO("cut at ", cut);
    CHECK(outcome_of(bytes, limits, {cut}) == whole);
  }
  CHECK(outcome_of(bytes, limits, all_cuts) == whole);
  return whole;
}

std::vector<int> statuses(std::string_view sent) {
  std::vector<int> found;
  constexpr std::string_view begin = "HTTP/1.1 ";
  for (std::size_t at = sent.find(begin); at != std::string_view::npos; at = sent.find(begin, at + 1)) {
    int status = 0;
    std::from_chars(sent.data() + at + begin.size(), sent.data() + sent.size(), status);
    found.push_back(status);
  }
  return found;
}

}  // namespace ringrpc::http1::test
