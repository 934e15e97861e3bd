// What the generator writes is used here as a user would: services are derived from and served, stubs are
// called.
#include <doctest/doctest.h>

#include "names.ringrpc.h"
#include "rootless.ringrpc.h"
#include "rpc/fake_call.h"
#include "rpc/fake_channel.h"
#include "shapes.ringrpc.h"
#include "shared.ringrpc.h"

namespace ringrpc {
namespace {

using plugin_test::shapes::v1::Area;
using plugin_test::shapes::v1::Area_Corner;
using plugin_test::shapes::v1::Area_Corner_Colour;
using plugin_test::shapes::v1::Canvas;
using plugin_test::shared::Point;
using plugin_test::shared::Point_Label;

Area area_named(std::string name) {
  Area area;
  area.set_name(std::move(name));
  return area;
}

Area_Corner corner(int number) {
  Area_Corner made;
  made.set_number(number);
  return made;
}

class Easel final : public Canvas::Service {
 public:
  Task<Result<Point>> Move(Call&, Point from) override {
    if (from.x() < 0) co_return fail(Code::OUT_OF_RANGE, "x must not be negative");
    from.set_x(from.x() + 1);
    co_return from;
  }
  Task<Status> List(Call&, Area area, Writer<Point_Label>& out) override {
    for (const char letter : area.name()) {
      Point_Label label;
      label.set_text(std::string(1, letter));
      if (!co_await out.write(label)) break;
    }
    co_return Status();
  }
  Task<Result<Area>> Draw(Call&, Reader<Area_Corner>& in) override {
    int corners = 0;
    while (co_await in.next()) ++corners;
    co_return area_named(std::to_string(corners));
  }
  Task<Status> Trace(Call&, Reader<Area_Corner>& in, Writer<Area_Corner_Colour>& out) override {
    while (const auto read = co_await in.next()) {
      Area_Corner_Colour colour;
      colour.set_rgb(static_cast<std::uint32_t>(read->number()));
      co_await out.write(colour);
    }
    co_return fail(Code::DATA_LOSS, "out of paint");
  }
};

TEST_CASE("a service knows its name and its methods as they are in the .proto") {
  const Easel easel;
  CHECK(Canvas::name == "plugin_test.shapes.v1.Canvas");
  CHECK(easel.service_name() == Canvas::name);
  const std::span<const Method> methods = easel.service_methods();
  REQUIRE(methods.size() == 5);
  CHECK(methods[0].name == "Move");
  CHECK(methods[0].kind == MethodKind::unary);
  CHECK(methods[1].name == "List");
  CHECK(methods[1].kind == MethodKind::server_streaming);
  CHECK(methods[2].name == "Draw");
  CHECK(methods[2].kind == MethodKind::client_streaming);
  CHECK(methods[3].name == "Trace");
  CHECK(methods[3].kind == MethodKind::bidirectional);
  CHECK(methods[4].name == "Paint");
}

TEST_CASE("a unary handler gets the request and its answer is sent") {
  Easel easel;
  Point from;
  from.set_x(4);
  const Result<Point> to = call_unary_method<Point>(easel, "Move", from);
  REQUIRE(to);
  CHECK(to->x() == 5);

  from.set_x(-1);
  const Result<Point> refused = call_unary_method<Point>(easel, "Move", from);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Code::OUT_OF_RANGE);
}

TEST_CASE("a request without a required field is not a message of its type") {
  Easel easel;
  const Result<Point> refused = call_unary_method<Point>(easel, "Move", Area());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Code::INTERNAL);
}

TEST_CASE("a server-streaming handler waits for room between messages") {
  Easel easel;
  FakeStream stream;
  FakeCall call("/plugin_test.shapes.v1.Canvas/List");
  stream.receive(area_named("abc"));
  stream.set_room(2);
  const Task<Status> task = method_named(easel, "List").serve(easel, call, stream);
  task.start();
  CHECK_FALSE(task.done());
  CHECK(stream.sent_count() == 2);
  stream.set_room(1);
  REQUIRE(task.done());
  CHECK(task.result().ok());
  CHECK(stream.sent<Point_Label>().at(2).text() == "c");
}

TEST_CASE("a client-streaming handler reads to the end and answers once") {
  Easel easel;
  FakeStream stream;
  FakeCall call("/plugin_test.shapes.v1.Canvas/Draw");
  const Task<Status> task = method_named(easel, "Draw").serve(easel, call, stream);
  task.start();
  stream.receive(corner(1));
  stream.receive(corner(2));
  CHECK_FALSE(task.done());
  CHECK(stream.sent_count() == 0);
  stream.receive_end();
  REQUIRE(task.done());
  CHECK(task.result().ok());
  CHECK(stream.sent<Area>().at(0).name() == "2");
}

TEST_CASE("a bidirectional handler answers as it reads") {
  Easel easel;
  FakeStream stream;
  FakeCall call("/plugin_test.shapes.v1.Canvas/Trace");
  const Task<Status> task = method_named(easel, "Trace").serve(easel, call, stream);
  task.start();
  stream.receive(corner(7));
  CHECK(stream.sent<Area_Corner_Colour>().at(0).rgb() == 7);
  stream.receive_end();
  REQUIRE(task.done());
  CHECK(task.result().code() == Code::DATA_LOSS);
}

TEST_CASE("destroying a handler that waits withdraws what it waits for") {
  Easel easel;
  FakeStream stream;
  FakeCall call("/plugin_test.shapes.v1.Canvas/Trace");
  {
    const Task<Status> task = method_named(easel, "Trace").serve(easel, call, stream);
    task.start();
    CHECK(stream.somebody_waits());
  }
  CHECK_FALSE(stream.somebody_waits());
}

TEST_CASE("methods of all four kinds that are not overridden answer UNIMPLEMENTED with their path") {
  Canvas::Service canvas;
  for (const Method& method : canvas.service_methods()) {
    CAPTURE(method.name);
    const std::string path = "/plugin_test.shapes.v1.Canvas/" + std::string(method.name);
    FakeStream stream;
    FakeCall call(path);
    Point request;
    request.set_x(1);
    stream.receive_bytes(method.name == "Move" ? request.SerializeAsString() : std::string());
    stream.receive_end();
    const Task<Status> task = method.serve(canvas, call, stream);
    task.start();
    REQUIRE(task.done());
    const Status status = task.result();
    CHECK(status.code() == Code::UNIMPLEMENTED);
    CHECK(status.message() == path + " is not implemented");
    CHECK(stream.sent_count() == 0);
  }
}

TEST_CASE("a unary stub sends its request and gives the answer") {
  FakeCalls calls;
  Channel channel("fake:1");
  const Canvas::Stub stub(channel);
  Point from;
  from.set_x(3);
  const Task<Result<Point>> task = stub.Move(from, {.timeout = Nanoseconds(5)});
  task.start();
  CHECK(calls.last().path() == "/plugin_test.shapes.v1.Canvas/Move");
  CHECK(calls.last().kind() == MethodKind::unary);
  CHECK(calls.last().timeout() == Nanoseconds(5));
  CHECK(calls.last().writes_were_done());
  CHECK(calls.last().sent<Point>().at(0).x() == 3);
  CHECK_FALSE(task.done());
  calls.last().receive(from);
  CHECK_FALSE(task.done());
  calls.last().finish(Status());
  REQUIRE(task.done());
  CHECK(task.result()->x() == 3);
}

TEST_CASE("a unary stub gives the status of a call that failed, and its options may be left out") {
  FakeCalls calls;
  Channel channel("fake:1");
  const Canvas::Stub stub(channel);
  Point from;
  from.set_x(3);
  const Task<Result<Point>> task = stub.Move(from);
  task.start();
  CHECK(calls.last().timeout() == Nanoseconds::max());
  calls.last().finish(Status(Code::NOT_FOUND, "no such point"));
  REQUIRE(task.done());
  const Result<Point> answer = task.result();
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Code::NOT_FOUND);
}

Task<int> count_labels(ClientReader<Point_Label> reader, Status& status) {
  int labels = 0;
  while (co_await reader.next()) ++labels;
  status = co_await reader.finish();
  co_return labels;
}

TEST_CASE("a server-streaming stub reads until the status") {
  FakeCalls calls;
  Channel channel("fake:1");
  Status status;
  const Task<int> task = count_labels(Canvas::Stub(channel).List(area_named("ab")), status);
  task.start();
  CHECK(calls.last().path() == "/plugin_test.shapes.v1.Canvas/List");
  CHECK(calls.last().kind() == MethodKind::server_streaming);
  CHECK(calls.last().writes_were_done());
  CHECK(calls.last().sent<Area>().at(0).name() == "ab");
  calls.last().receive(Point_Label());
  calls.last().receive(Point_Label());
  calls.last().finish(Status(Code::ABORTED, "enough"));
  REQUIRE(task.done());
  CHECK(task.result() == 2);
  CHECK(status.code() == Code::ABORTED);
}

Task<Result<Area>> draw_triangle(ClientWriter<Area_Corner, Area> writer) {
  for (int i = 0; i < 3; ++i) co_await writer.write(corner(i));
  co_return co_await writer.finish();
}

TEST_CASE("a client-streaming stub writes, then waits for the one answer") {
  FakeCalls calls;
  Channel channel("fake:1");
  const Task<Result<Area>> task = draw_triangle(Canvas::Stub(channel).Draw());
  task.start();
  CHECK(calls.last().path() == "/plugin_test.shapes.v1.Canvas/Draw");
  CHECK(calls.last().kind() == MethodKind::client_streaming);
  CHECK(calls.last().sent_count() == 3);
  CHECK(calls.last().writes_were_done());
  calls.last().receive(area_named("triangle"));
  calls.last().finish(Status());
  REQUIRE(task.done());
  CHECK(task.result()->name() == "triangle");
}

Task<std::uint32_t> trace_once(ClientStream<Area_Corner, Area_Corner_Colour> stream, Status& status) {
  co_await stream.write(corner(1));
  const std::optional<Area_Corner_Colour> colour = co_await stream.next();
  stream.writes_done();
  status = co_await stream.finish();
  co_return colour ? colour->rgb() : 0;
}

TEST_CASE("a bidirectional stub writes and reads in turn") {
  FakeCalls calls;
  Channel channel("fake:1");
  Status status(Code::UNKNOWN, "");
  const Task<std::uint32_t> task = trace_once(Canvas::Stub(channel).Trace(), status);
  task.start();
  CHECK(calls.last().path() == "/plugin_test.shapes.v1.Canvas/Trace");
  CHECK(calls.last().kind() == MethodKind::bidirectional);
  CHECK(calls.last().sent<Area_Corner>().at(0).number() == 1);
  CHECK_FALSE(calls.last().writes_were_done());
  Area_Corner_Colour colour;
  colour.set_rgb(9);
  calls.last().receive(colour);
  CHECK(calls.last().writes_were_done());
  calls.last().finish(Status());
  REQUIRE(task.done());
  CHECK(task.result() == 9);
  CHECK(status.ok());
}

TEST_CASE("a service without methods and one without a package") {
  const plugin_test::shapes::v1::Empty::Service empty;
  CHECK(empty.service_methods().empty());

  class Roots final : public ::RootlessService::Service {
    Task<Result<Rootless>> Get(Call&, Rootless request) override { co_return request; }
  };
  Roots roots;
  CHECK(roots.service_name() == "RootlessService");
  Rootless request;
  request.set_value(12);
  CHECK(call_unary_method<Rootless>(roots, "Get", request)->value() == 12);
}

TEST_CASE("names that are taken get underscores in C++ and stay as they are on the wire") {
  namespace names = plugin_test::names::ringrpc;
  class Taken final : public names::Names::Service {
   public:
    ::ringrpc::Task<::ringrpc::Result<names::Task>> service_name__(Call&, names::Task) override {
      co_return text("longer");
    }
    ::ringrpc::Task<::ringrpc::Result<names::Task>> service_name_(Call&, names::Task) override {
      co_return text("shorter");
    }
    ::ringrpc::Task<::ringrpc::Result<names::Task>> co_await_(Call&, names::Task) override {
      co_return text("keyword");
    }
    ::ringrpc::Task<::ringrpc::Result<names::Task>> Service_(Call&, names::Task) override {
      co_return text("constructor");
    }

   private:
    static names::Task text(std::string text) {
      names::Task task;
      task.set_text(std::move(text));
      return task;
    }
  };
  Taken taken;
  CHECK(call_unary_method<names::Task>(taken, "service_name", names::Task())->text() == "longer");
  CHECK(call_unary_method<names::Task>(taken, "service_name_", names::Task())->text() == "shorter");
  CHECK(call_unary_method<names::Task>(taken, "co_await", names::Task())->text() == "keyword");
  CHECK(call_unary_method<names::Task>(taken, "Service", names::Task())->text() == "constructor");
  CHECK(taken.service_methods().size() == 21);

  FakeCalls calls;
  Channel channel("fake:1");
  const Task<Result<names::Task>> task = names::Names::Stub(channel).Stub_({});
  task.start();
  CHECK(calls.last().path() == "/plugin_test.names.ringrpc.Names/Stub");
  calls.last().finish(Status());

  CHECK(names::Service_::name == "plugin_test.names.ringrpc.Service");
  CHECK(names::Stub_::name == "plugin_test.names.ringrpc.Stub");
  CHECK(names::name_::name == "plugin_test.names.ringrpc.name_");
  CHECK(names::name__::name == "plugin_test.names.ringrpc.name");
  CHECK(names::namespace_::name == "plugin_test.names.ringrpc.namespace");
}

}  // namespace
}  // namespace ringrpc
