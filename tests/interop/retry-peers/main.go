// Peers for retries_test.py: a server that responds to each attempt of a call as the call's metadata says, and a client and
// a server with health checks on grpc-go.
//
//	retry-peers server            prints "ready on 127.0.0.1:PORT" on stderr, then a line for each attempt on stdout
//	retry-peers client ADDRESS    makes the calls of each scenario on stdin, and prints a line for each on stdout. There
//	                              may be several addresses, separated by commas
//	retry-peers health            is a server whose health follows the lines on stdin, such as "NOT_SERVING"; for the rest
//	                              like `server`, with calls that all succeed. `retry-peers unchecked` has no health service
//
// A call has in its metadata `x-call`, its name, and `x-script`: the responses to its attempts, separated by semicolons.
// The last one applies to all further attempts. A response is a list of words:
//
//	ok            headers, a message and status 0
//	status=N      trailers alone; with `headers`, headers before them
//	push=TEXT     grpc-retry-pushback-ms in the trailers; repeatable
//	tell=TEXT     x-tell in the trailers
//	message       with `headers`: a message before the trailers
//	http=N        an HTTP status alone; html=N: with a page
//	rst=N         RST_STREAM with that code; with `headers`, headers before it
//	goaway        GOAWAY that leaves the stream out, and the end of the connection
//	close         the end of the connection
//	hang          nothing
//	delay=MS      waits before the response
//
// A scenario is a line of fields separated by tabs: the service config, or - for the channel of the last line; the timeout of each call in milliseconds (0 for
// none), whether calls wait for a connection (yes, no, or - for the service config's word), the size of requests in bytes,
// and for each call its name and its script. The result of a scenario is a line, too: for each call its code and the
// values of x-tell in its trailers, or `config` if the service config is refused.
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/leastrequest"
	_ "google.golang.org/grpc/balancer/ringhash"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const service = "script.v1.Script"
const method = "/" + service + "/Call"

func main() {
	switch os.Args[1] {
	case "client":
		client(os.Args[2])
	case "server":
		server()
	default:
		healthServer(os.Args[1] == "health")
	}
}

// The server.

type field struct{ name, value string }

var (
	mutex    sync.Mutex // guards the next two, and lines on stdout
	attempts = map[string]int{}
	output   = bufio.NewWriter(os.Stdout)
)

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fail(err)
	}
	fmt.Fprintf(os.Stderr, "ready on %s\n", listener.Addr())
	return listener
}

func server() {
	listener := listen()
	for {
		socket, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		go serve(socket)
	}
}

type connection struct {
	net.Conn
	mutex   sync.Mutex // guards what follows
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
}

func serve(socket net.Conn) {
	defer socket.Close()
	if _, err := io.ReadFull(socket, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	peer := &connection{Conn: socket, framer: http2.NewFramer(socket, socket)}
	peer.encoder = hpack.NewEncoder(&peer.block)
	peer.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	peer.framer.WriteSettings()
	requests := map[uint32]*http2.MetaHeadersFrame{}
	for {
		frame, err := peer.framer.ReadFrame()
		if err != nil {
			return
		}
		peer.mutex.Lock()
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				peer.framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !frame.IsAck() {
				peer.framer.WritePing(true, frame.Data)
			}
		case *http2.MetaHeadersFrame:
			requests[frame.StreamID] = frame
		case *http2.DataFrame:
			if size := uint32(len(frame.Data())); size > 0 {
				peer.framer.WriteWindowUpdate(0, size)
				peer.framer.WriteWindowUpdate(frame.StreamID, size)
			}
			if frame.StreamEnded() {
				go peer.respond(frame.StreamID, requests[frame.StreamID])
			}
		}
		peer.mutex.Unlock()
	}
}

func value(request *http2.MetaHeadersFrame, name string) string {
	for _, field := range request.RegularFields() {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// The words of the response to this attempt.
func next(request *http2.MetaHeadersFrame) []string {
	call := value(request, "x-call")
	previous := value(request, "grpc-previous-rpc-attempts")
	if previous == "" {
		previous = "-"
	}
	mutex.Lock()
	defer mutex.Unlock()
	attempt := attempts[call]
	attempts[call]++
	fmt.Fprintf(output, "%s\t%s\n", call, previous)
	output.Flush()
	script := strings.Split(value(request, "x-script"), ";")
	return strings.Fields(script[min(attempt, len(script)-1)])
}

func (peer *connection) headers(stream uint32, end bool, fields ...field) {
	peer.block.Reset()
	for _, field := range fields {
		peer.encoder.WriteField(hpack.HeaderField{Name: field.name, Value: field.value})
	}
	peer.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: peer.block.Bytes(), EndStream: end, EndHeaders: true,
	})
}

func (peer *connection) respond(stream uint32, request *http2.MetaHeadersFrame) {
	words := next(request)
	has := map[string]string{}
	var trailers []field
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		has[name] = value
		switch name {
		case "push":
			trailers = append(trailers, field{"grpc-retry-pushback-ms", value})
		case "tell":
			trailers = append(trailers, field{"x-tell", value})
		}
	}
	if delay, given := has["delay"]; given {
		milliseconds, _ := strconv.Atoi(delay)
		time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	}
	peer.mutex.Lock()
	defer peer.mutex.Unlock()
	head := []field{{":status", "200"}, {"content-type", "application/grpc"}}
	_, ok := has["ok"]
	_, headers := has["headers"]
	_, message := has["message"]
	if ok {
		headers, message = true, true
		has["status"] = "0"
	}
	if headers {
		peer.headers(stream, false, head...)
		head = nil
	}
	if message {
		peer.framer.WriteData(stream, false, []byte{0, 0, 0, 0, 1, 'y'})
	}
	for name, value := range has {
		number, _ := strconv.Atoi(value)
		switch name {
		case "status":
			peer.headers(stream, true, append(append(head, field{"grpc-status", value}), trailers...)...)
		case "http":
			peer.headers(stream, true, field{":status", value}, field{"content-type", "text/html"})
		case "html":
			peer.headers(stream, false, field{":status", value}, field{"content-type", "text/html"})
			peer.framer.WriteData(stream, true, []byte("<html>"))
		case "rst":
			peer.framer.WriteRSTStream(stream, http2.ErrCode(number))
		case "goaway":
			peer.framer.WriteGoAway(stream-1, http2.ErrCodeNo, nil)
			peer.Close()
		case "close":
			peer.Close()
		}
	}
}

// The server with health checks.

func healthServer(checked bool) {
	server := grpc.NewServer(grpc.ForceServerCodec(anyCodec{}))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*any)(nil),
		Streams:     []grpc.StreamDesc{{StreamName: "Call", Handler: respond}},
	}, nil)
	if checked {
		checks := health.NewServer()
		checks.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_SERVING)
		grpc_health_v1.RegisterHealthServer(server, checks)
		go func() {
			input := bufio.NewScanner(os.Stdin)
			for input.Scan() {
				number := grpc_health_v1.HealthCheckResponse_ServingStatus_value[input.Text()]
				checks.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_ServingStatus(number))
			}
		}()
	}
	fail(server.Serve(listen()))
}

func respond(_ any, stream grpc.ServerStream) error {
	fields, _ := metadata.FromIncomingContext(stream.Context())
	mutex.Lock()
	fmt.Fprintf(output, "%s\t-\n", strings.Join(fields.Get("x-call"), ","))
	output.Flush()
	mutex.Unlock()
	var request []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	return stream.SendMsg(&request)
}

// Takes messages of bytes, and those of the health service.
type anyCodec struct{ bytesCodec }

func (codec anyCodec) Marshal(v any) ([]byte, error) {
	if message, ok := v.(proto.Message); ok {
		return proto.Marshal(message)
	}
	return codec.bytesCodec.Marshal(v)
}

func (codec anyCodec) Unmarshal(data []byte, v any) error {
	if message, ok := v.(proto.Message); ok {
		return proto.Unmarshal(data, message)
	}
	return codec.bytesCodec.Unmarshal(data, v)
}

// The client.

type bytesCodec struct{}

func (bytesCodec) Name() string                  { return "bytes" }
func (bytesCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func client(address string) {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<20)
	for input.Scan() {
		scenario := strings.Split(input.Text(), "\t")
		if scenario[0] != "-" {
			if channel != nil {
				channel.Close()
			}
			if channel = dial(address, scenario[0]); channel == nil {
				fmt.Println("config")
				continue
			}
		}
		fmt.Println(run(scenario))
	}
}

// The channel of the last scenario that had a service config.
var channel *grpc.ClientConn

// Nil if the service config is refused.
func dial(address, config string) *grpc.ClientConn {
	var endpoints []resolver.Endpoint
	for _, each := range strings.Split(address, ",") {
		endpoints = append(endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: each}}})
	}
	list := manual.NewBuilderWithScheme("list")
	list.InitialState(resolver.State{Endpoints: endpoints})
	channel, err := grpc.NewClient("list:///"+address, grpc.WithResolvers(list),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(config))
	if err != nil {
		return nil
	}
	return channel
}

func run(scenario []string) string {
	milliseconds, _ := strconv.Atoi(scenario[1])
	size, _ := strconv.Atoi(scenario[3])
	options := []grpc.CallOption{grpc.ForceCodec(bytesCodec{})}
	if scenario[2] != "-" {
		options = append(options, grpc.WaitForReady(scenario[2] == "yes"))
	}
	var results []string
	for at := 4; at+1 < len(scenario); at += 2 {
		results = append(results, call(channel, milliseconds, size, scenario[at], scenario[at+1], options))
	}
	return strings.Join(results, "\t")
}

func call(channel *grpc.ClientConn, milliseconds, size int, name, script string, options []grpc.CallOption) string {
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-call", name, "x-script", script)
	if milliseconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(milliseconds)*time.Millisecond)
		defer cancel()
	}
	request := bytes.Repeat([]byte{'x'}, size)
	var response []byte
	var trailer metadata.MD
	err := channel.Invoke(ctx, method, &request, &response, append(options, grpc.Trailer(&trailer))...)
	return strings.Join(append([]string{strconv.Itoa(int(code(err)))}, trailer.Get("x-tell")...), " ")
}

func code(err error) codes.Code { return status.Code(err) }

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
