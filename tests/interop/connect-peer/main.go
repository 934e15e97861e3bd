// The gRPC protocol of connect-go in gRPC's interop cases, for either side of a call in cleartext.
//
//	connect-peer --port=0                                           serves, and prints the port
//	connect-peer --server_host=HOST --server_port=N --test_case=NAME   makes the calls of a case
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	pb "google.golang.org/grpc/interop/grpc_testing"
)

const service = "/grpc.testing.TestService/"

var (
	port     = flag.Int("port", -1, "port to serve on")
	_        = flag.Bool("use_tls", false, "only false")
	host     = flag.String("server_host", "127.0.0.1", "the server")
	at       = flag.Int("server_port", 0, "its port")
	testCase = flag.String("test_case", "", "case to run")
)

func main() {
	for _, name := range []string{"soak_iterations", "soak_overall_timeout_seconds", "soak_per_iteration_max_acceptable_latency_ms"} {
		flag.Int(name, 0, "of the soak cases, which this program lacks")
	}
	flag.Parse()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	if *port >= 0 {
		serve(protocols)
	}
	base := fmt.Sprintf("http://%s:%d%s", *host, *at, service)
	check, known := cases[*testCase]
	if !known {
		fail("no case is named %s", *testCase)
	}
	if err := check(calls{&http.Client{Transport: &http.Transport{Protocols: protocols}}, base}); err != nil {
		fail("%s: %v", *testCase, err)
	}
}

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}

// The server.

func serve(protocols *http.Protocols) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		fail("%v", err)
	}
	mux := http.NewServeMux()
	handle := func(name string, handler http.Handler) { mux.Handle(service+name, handler) }
	handle("EmptyCall", connect.NewUnaryHandler(service+"EmptyCall", emptyCall))
	handle("UnaryCall", connect.NewUnaryHandler(service+"UnaryCall", unaryCall))
	handle("StreamingInputCall", connect.NewClientStreamHandler(service+"StreamingInputCall", inputCall))
	handle("StreamingOutputCall", connect.NewServerStreamHandler(service+"StreamingOutputCall", outputCall))
	handle("FullDuplexCall", connect.NewBidiStreamHandler(service+"FullDuplexCall", duplexCall))
	fmt.Fprintf(os.Stderr, "serving on %s\n", listener.Addr())
	fail("%v", (&http.Server{Handler: mux, Protocols: protocols}).Serve(listener))
}

func emptyCall(context.Context, *connect.Request[pb.Empty]) (*connect.Response[pb.Empty], error) {
	return connect.NewResponse(&pb.Empty{}), nil
}

const (
	initialKey  = "X-Grpc-Test-Echo-Initial"
	trailingKey = "X-Grpc-Test-Echo-Trailing-Bin"
)

func echo(from, header, trailer http.Header) {
	if values := from.Values(initialKey); len(values) > 0 {
		header[initialKey] = values
	}
	if values := from.Values(trailingKey); len(values) > 0 {
		trailer[trailingKey] = values
	}
}

func unaryCall(_ context.Context, request *connect.Request[pb.SimpleRequest]) (*connect.Response[pb.SimpleResponse], error) {
	if err := wanted(request.Msg.GetResponseStatus()); err != nil {
		return nil, err
	}
	response := connect.NewResponse(&pb.SimpleResponse{Payload: zeroes(int(request.Msg.ResponseSize))})
	echo(request.Header(), response.Header(), response.Trailer())
	return response, nil
}

func inputCall(_ context.Context, in *connect.ClientStream[pb.StreamingInputCallRequest]) (*connect.Response[pb.StreamingInputCallResponse], error) {
	size := 0
	for in.Receive() {
		size += len(in.Msg().GetPayload().GetBody())
	}
	return connect.NewResponse(&pb.StreamingInputCallResponse{AggregatedPayloadSize: int32(size)}), in.Err()
}

type sender interface {
	Send(*pb.StreamingOutputCallResponse) error
}

func respond(request *pb.StreamingOutputCallRequest, out sender) error {
	for _, each := range request.ResponseParameters {
		time.Sleep(time.Duration(each.IntervalUs) * time.Microsecond)
		if err := out.Send(&pb.StreamingOutputCallResponse{Payload: zeroes(int(each.Size))}); err != nil {
			return err
		}
	}
	return wanted(request.GetResponseStatus())
}

func outputCall(_ context.Context, request *connect.Request[pb.StreamingOutputCallRequest], out *connect.ServerStream[pb.StreamingOutputCallResponse]) error {
	return respond(request.Msg, out)
}

func duplexCall(_ context.Context, stream *connect.BidiStream[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]) error {
	echo(stream.RequestHeader(), stream.ResponseHeader(), stream.ResponseTrailer())
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = respond(request, stream)
		}
		if err != nil {
			return err
		}
	}
}

func wanted(status *pb.EchoStatus) error {
	if status == nil || status.Code == 0 {
		return nil
	}
	return connect.NewError(connect.Code(status.Code), errors.New(status.Message))
}

func zeroes(size int) *pb.Payload { return &pb.Payload{Body: make([]byte, size)} }

// The client.

type calls struct {
	client *http.Client
	base   string
}

func method[In, Out any](to calls, name string) *connect.Client[In, Out] {
	return connect.NewClient[In, Out](to.client, to.base+name, connect.WithGRPC())
}

func (to calls) empty(name string) error {
	_, err := method[pb.Empty, pb.Empty](to, name).CallUnary(context.Background(), connect.NewRequest(&pb.Empty{}))
	return err
}

func (to calls) unary(request *connect.Request[pb.SimpleRequest]) (*connect.Response[pb.SimpleResponse], error) {
	return method[pb.SimpleRequest, pb.SimpleResponse](to, "UnaryCall").CallUnary(context.Background(), request)
}

type duplex = connect.BidiStreamForClient[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse]

func (to calls) duplex(ctx context.Context) *duplex {
	return method[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse](to, "FullDuplexCall").CallBidiStream(ctx)
}

func (to calls) input(ctx context.Context) *connect.ClientStreamForClient[pb.StreamingInputCallRequest, pb.StreamingInputCallResponse] {
	return method[pb.StreamingInputCallRequest, pb.StreamingInputCallResponse](to, "StreamingInputCall").CallClientStream(ctx)
}

var (
	requestSizes  = []int{27182, 8, 1828, 45904}
	responseSizes = []int32{31415, 9, 2653, 58979}
)

func output(request int, responses ...int32) *pb.StreamingOutputCallRequest {
	message := &pb.StreamingOutputCallRequest{Payload: zeroes(request)}
	for _, size := range responses {
		message.ResponseParameters = append(message.ResponseParameters, &pb.ResponseParameters{Size: size})
	}
	return message
}

func sized(message *pb.StreamingOutputCallResponse, err error, size int32) error {
	if err == nil && !proto.Equal(message.Payload, zeroes(int(size))) {
		err = fmt.Errorf("%d bytes instead of %d", len(message.Payload.GetBody()), size)
	}
	return err
}

func ended(stream *duplex) error {
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the stream ends with %v", err)
	}
	return stream.CloseResponse()
}

func has(err error, code connect.Code, message string) error {
	if failure := new(connect.Error); !errors.As(err, &failure) || failure.Code() != code || !strings.Contains(failure.Message(), message) {
		return fmt.Errorf("%v instead of %v, %q", err, code, message)
	}
	return nil
}

func fails(status *pb.EchoStatus) func(calls) error {
	return func(to calls) error {
		_, err := to.unary(connect.NewRequest(&pb.SimpleRequest{ResponseStatus: status}))
		if err = has(err, connect.Code(status.Code), status.Message); err != nil {
			return err
		}
		stream := to.duplex(context.Background())
		if err = stream.Send(&pb.StreamingOutputCallRequest{ResponseStatus: status}); err != nil {
			return err
		}
		_, err = stream.Receive()
		return has(err, connect.Code(status.Code), status.Message)
	}
}

var cases = map[string]func(calls) error{
	"empty_unary": func(to calls) error { return to.empty("EmptyCall") },
	"large_unary": func(to calls) error {
		response, err := to.unary(connect.NewRequest(&pb.SimpleRequest{ResponseSize: 314159, Payload: zeroes(271828)}))
		if err == nil && len(response.Msg.Payload.Body) != 314159 {
			err = fmt.Errorf("%d bytes", len(response.Msg.Payload.Body))
		}
		return err
	},
	"client_streaming": func(to calls) error {
		stream := to.input(context.Background())
		for _, size := range requestSizes {
			if err := stream.Send(&pb.StreamingInputCallRequest{Payload: zeroes(size)}); err != nil {
				return err
			}
		}
		response, err := stream.CloseAndReceive()
		if err == nil && response.Msg.AggregatedPayloadSize != 74922 {
			err = fmt.Errorf("%d bytes", response.Msg.AggregatedPayloadSize)
		}
		return err
	},
	"server_streaming": func(to calls) error {
		call := method[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse](to, "StreamingOutputCall")
		stream, err := call.CallServerStream(context.Background(), connect.NewRequest(output(0, responseSizes...)))
		if err != nil {
			return err
		}
		for _, size := range responseSizes {
			if !stream.Receive() {
				return fmt.Errorf("no response: %v", stream.Err())
			}
			if err := sized(stream.Msg(), nil, size); err != nil {
				return err
			}
		}
		if stream.Receive() {
			return errors.New("one response too many")
		}
		return stream.Err()
	},
	"ping_pong": func(to calls) error {
		stream := to.duplex(context.Background())
		for i, size := range requestSizes {
			if err := stream.Send(output(size, responseSizes[i])); err != nil {
				return err
			}
			message, err := stream.Receive()
			if err := sized(message, err, responseSizes[i]); err != nil {
				return err
			}
		}
		if err := stream.CloseRequest(); err != nil {
			return err
		}
		return ended(stream)
	},
	"empty_stream": func(to calls) error {
		stream := to.duplex(context.Background())
		if err := stream.CloseRequest(); err != nil {
			return err
		}
		return ended(stream)
	},
	"timeout_on_sleeping_server": func(to calls) error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		stream := to.duplex(ctx)
		if err := stream.Send(output(27182)); err != nil && !errors.Is(err, io.EOF) {
			return has(err, connect.CodeDeadlineExceeded, "")
		}
		_, err := stream.Receive()
		return has(err, connect.CodeDeadlineExceeded, "")
	},
	"cancel_after_begin": func(to calls) error {
		ctx, cancel := context.WithCancel(context.Background())
		stream := to.input(ctx)
		if err := stream.Send(nil); err != nil {
			return err
		}
		cancel()
		_, err := stream.CloseAndReceive()
		return has(err, connect.CodeCanceled, "")
	},
	"cancel_after_first_response": func(to calls) error {
		ctx, cancel := context.WithCancel(context.Background())
		stream := to.duplex(ctx)
		if err := stream.Send(output(27182, 31415)); err != nil {
			return err
		}
		message, err := stream.Receive()
		if err := sized(message, err, 31415); err != nil {
			return err
		}
		cancel()
		_, err = stream.Receive()
		return has(err, connect.CodeCanceled, "")
	},
	"status_code_and_message": fails(&pb.EchoStatus{Code: 2, Message: "test status message"}),
	"special_status_message": fails(&pb.EchoStatus{Code: 2, Message: "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"}),
	"custom_metadata": func(to calls) error {
		value := []byte{0xab, 0xab, 0xab}
		request := connect.NewRequest(&pb.SimpleRequest{ResponseSize: 1, Payload: zeroes(1)})
		request.Header().Set(initialKey, "test_initial_metadata_value")
		request.Header().Set(trailingKey, base64.RawStdEncoding.EncodeToString(value))
		response, err := to.unary(request)
		if err != nil {
			return err
		}
		if got := response.Header().Get(initialKey); got != "test_initial_metadata_value" {
			return fmt.Errorf("initial metadata %q", got)
		}
		if got, err := connect.DecodeBinaryHeader(response.Trailer().Get(trailingKey)); !bytes.Equal(got, value) {
			return fmt.Errorf("trailing metadata %x, %v", got, err)
		}
		return nil
	},
	"unimplemented_method": func(to calls) error {
		return has(to.empty("UnimplementedCall"), connect.CodeUnimplemented, "")
	},
}
