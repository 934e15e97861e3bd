// Uses generated code as a user would: derives from services and serves them, and calls stubs.
#include <doctest/doctest.h>

#include "names.ringrpc.h"
#include "rootless.ringrpc.h"
#include "rpc/client/client_interceptors.h"
#include "rpc/direct_call.h"
#include "rpc/world.h"
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
      if (letter == '!') co_return fail(Code::ABORTED, "enough");
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

TEST_CASE("a unary handler gets the request and its response is sent") {
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
  testing::FakeStream stream;
  testing::FakeCall call("/plugin_test.shapes.v1.Canvas/List");
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

TEST_CASE("a client-streaming handler reads to the end and responds once") {
  Easel easel;
  testing::FakeStream stream;
  testing::FakeCall call("/plugin_test.shapes.v1.Canvas/Draw");
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

TEST_CASE("a bidirectional handler responds as it reads") {
  Easel easel;
  testing::FakeStream stream;
  testing::FakeCall call("/plugin_test.shapes.v1.Canvas/Trace");
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
  testing::FakeStream stream;
  testing::FakeCall call("/plugin_test.shapes.v1.Canvas/Trace");
  {
    const Task<Status> task = method_named(easel, "Trace").serve(easel, call, stream);
    task.start();
    CHECK(stream.somebody_waits());
  }
  CHECK_FALSE(stream.somebody_waits());
}

TEST_CASE("methods of all four kinds that are not overridden end with UNIMPLEMENTED and their path") {
  Canvas::Service canvas;
  for (const Method& method : canvas.service_methods()) {
    CAPTURE(method.name);
    const std::string path = "/plugin_test.shapes.v1.Canvas/" + std::string(method.name);
    testing::FakeStream stream;
    testing::FakeCall call(path);
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

/// An easel and a channel to it that records the called methods.
struct Studio {
  bool run(const World::Script& script) { return world.run(script, with({&scribe})); }

  Easel easel;
  SimulatedWorld world{1};
  std::string path;
  MethodKind kind{};
  bool hurried = false;
  Custom scribe{[this](ClientRequest& request, ClientNext next) -> Task<Status> {
    path = request.method;
    kind = request.kind;
    hurried = request.deadline != never;
    co_return co_await next();
  }};
};

TEST_CASE("a unary stub sends its request and returns the response") {
  Studio studio;
  studio.world.also_serve(studio.easel);
  CHECK(studio.run([&](Channel& channel) -> Task<void> {
    Point from;
    from.set_x(3);
    const Result<Point> to = co_await Canvas::Stub(channel).Move(from, {.timeout = std::chrono::hours(1)});
    CHECK(to->x() == 4);
  }));
  CHECK(studio.path == "/plugin_test.shapes.v1.Canvas/Move");
  CHECK(studio.kind == MethodKind::unary);
  CHECK(studio.hurried);
}

TEST_CASE("a unary stub gives the status of a call that failed, and its options may be left out") {
  Studio studio;
  studio.world.also_serve(studio.easel);
  CHECK(studio.run([&](Channel& channel) -> Task<void> {
    Point from;
    from.set_x(-1);
    const Result<Point> to = co_await Canvas::Stub(channel).Move(from);
    CHECK(to.error().code() == Code::OUT_OF_RANGE);
  }));
  CHECK_FALSE(studio.hurried);
}

TEST_CASE("a server-streaming stub reads until the status") {
  Studio studio;
  studio.world.also_serve(studio.easel);
  CHECK(studio.run([&](Channel& channel) -> Task<void> {
    auto labels = Canvas::Stub(channel).List(area_named("ab!"));
    std::string texts;
    while (const auto label = co_await labels.next()) texts += label->text();
    CHECK(texts == "ab");
    CHECK((co_await labels.finish()).code() == Code::ABORTED);
  }));
  CHECK(studio.path == "/plugin_test.shapes.v1.Canvas/List");
  CHECK(studio.kind == MethodKind::server_streaming);
}

TEST_CASE("a client-streaming stub writes, then waits for the one response") {
  Studio studio;
  studio.world.also_serve(studio.easel);
  CHECK(studio.run([&](Channel& channel) -> Task<void> {
    auto corners = Canvas::Stub(channel).Draw();
    for (int i = 0; i < 3; ++i) CHECK(co_await corners.write(corner(i)));
    const Result<Area> drawn = co_await corners.finish();
    CHECK(drawn->name() == "3");
  }));
  CHECK(studio.path == "/plugin_test.shapes.v1.Canvas/Draw");
  CHECK(studio.kind == MethodKind::client_streaming);
}

TEST_CASE("a bidirectional stub writes and reads in turn") {
  Studio studio;
  studio.world.also_serve(studio.easel);
  CHECK(studio.run([&](Channel& channel) -> Task<void> {
    auto both = Canvas::Stub(channel).Trace();
    for (const int number : {7, 9}) {
      CHECK(co_await both.write(corner(number)));
      const std::optional<Area_Corner_Colour> colour = co_await both.next();
      REQUIRE(colour);
      CHECK(colour->rgb() == static_cast<std::uint32_t>(number));
    }
    both.writes_done();
    CHECK_FALSE(co_await both.next());
    CHECK((co_await both.finish()).code() == Code::DATA_LOSS);
  }));
  CHECK(studio.path == "/plugin_test.shapes.v1.Canvas/Trace");
  CHECK(studio.kind == MethodKind::bidirectional);
}

TEST_CASE("a stub keeps its channel") {
  Studio studio;
  studio.world.also_serve(studio.easel);
  CHECK(studio.run([&](Channel& given) -> Task<void> {
    const Canvas::Stub stub(Channel(given.target()));
    Point from;
    from.set_x(3);
    const CallResult<Point> to = co_await stub.Move(from);
    CHECK(to->x() == 4);
  }));
}

TEST_CASE("methods of all four kinds that a mock does not override fail with UNIMPLEMENTED and their path") {
  const Canvas::StubInterface mock;
  const auto expect = [](const Status& status, std::string_view method) {
    CHECK(status.to_string() ==
          std::string("UNIMPLEMENTED: the stub does not override /plugin_test.shapes.v1.Canvas/")
              .append(method));
  };
  const auto call_all = [&]() -> Task<> {
    const CallResult<Point> moved = co_await mock.Move(Point());
    REQUIRE_FALSE(moved);
    expect(moved.error(), "Move");

    auto labels = mock.List(Area());
    const Metadata& initial = co_await labels.initial_metadata();
    CHECK(initial.empty());
    CHECK_FALSE(co_await labels.next());
    expect(co_await labels.finish(), "List");
    CHECK(labels.trailing_metadata().empty());

    auto corners = mock.Draw();
    CHECK_FALSE(co_await corners.write(corner(1)));
    const CallResult<Area> drawn = co_await corners.finish();
    REQUIRE_FALSE(drawn);
    expect(drawn.error(), "Draw");

    auto both = mock.Trace();
    CHECK_FALSE(co_await both.write(corner(1)));
    both.writes_done();
    CHECK_FALSE(co_await both.next());
    expect(co_await both.finish(), "Trace");
  };
  const Task<> calling = call_all();
  calling.start();
  REQUIRE(calling.done());
  calling.result();
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
  CHECK(taken.service_methods().size() == 23);

  SimulatedWorld world(1);
  world.also_serve(taken);
  CHECK(world.run([](Channel& channel) -> Task<void> {
    const names::Names::Stub stub(channel);
    const auto constructed = co_await stub.Service_({});
    CHECK(constructed->text() == "constructor");
    const auto missing = co_await stub.Stub_({});
    CHECK(missing.error().message() == "/plugin_test.names.ringrpc.Names/Stub is not implemented");
    const auto mocked = co_await stub.StubInterface_({});
    CHECK(mocked.error().message() == "/plugin_test.names.ringrpc.Names/StubInterface is not implemented");
  }));

  CHECK(names::Service_::name == "plugin_test.names.ringrpc.Service");
  CHECK(names::Stub_::name == "plugin_test.names.ringrpc.Stub");
  CHECK(names::StubInterface_::name == "plugin_test.names.ringrpc.StubInterface");
  CHECK(names::name_::name == "plugin_test.names.ringrpc.name_");
  CHECK(names::name__::name == "plugin_test.names.ringrpc.name");
  CHECK(names::namespace_::name == "plugin_test.names.ringrpc.namespace");
}

}  // namespace
}  // namespace ringrpc
