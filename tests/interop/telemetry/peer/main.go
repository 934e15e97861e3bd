// What the telemetry checks need on grpc-go, its OpenTelemetry plugin and OpenTelemetry's Go SDK:
//
//	peer sink FILE [CERT KEY CA]
//	                            receives OTLP, and writes each request to the file as a line of JSON; with PEM files over
//	                            TLS, from clients with a certificate of the CA
//	peer serve FILE             serves echo.v1.EchoService with the plugin
//	peer call FILE ADDR CALLS   calls it with the plugin
//
// sink and serve print "listening on ADDR" on stderr and run until SIGTERM. At their end, serve and call write what the
// plugin has counted to the file, as JSON. With OTEL_EXPORTER_OTLP_ENDPOINT they export their traces.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	metrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	traces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip"
	experimental "google.golang.org/grpc/experimental/opentelemetry"
	"google.golang.org/grpc/stats/opentelemetry"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const echo = "/echo.v1.EchoService/Echo"

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Serves until SIGTERM.
func serve(server *grpc.Server) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		server.GracefulStop()
	}()
	fmt.Fprintf(os.Stderr, "listening on %s\n", listener.Addr())
	check(server.Serve(listener))
}

// The sink.

type sink struct {
	traces.UnimplementedTraceServiceServer
	mutex sync.Mutex
	file  *os.File
}

type metricSink struct {
	metrics.UnimplementedMetricsServiceServer
	*sink
}

func (s *sink) write(message proto.Message) {
	line, err := protojson.Marshal(message)
	check(err)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, err = s.file.Write(append(line, '\n'))
	check(err)
}

func (s *sink) Export(_ context.Context, request *traces.ExportTraceServiceRequest) (*traces.ExportTraceServiceResponse, error) {
	s.write(request)
	return &traces.ExportTraceServiceResponse{}, nil
}

func (s metricSink) Export(_ context.Context, request *metrics.ExportMetricsServiceRequest) (*metrics.ExportMetricsServiceResponse, error) {
	s.write(request)
	return &metrics.ExportMetricsServiceResponse{}, nil
}

func overTLS(certificate, key, authority string) credentials.TransportCredentials {
	own, err := tls.LoadX509KeyPair(certificate, key)
	check(err)
	trusted, err := os.ReadFile(authority)
	check(err)
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(trusted)
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{own},
		ClientCAs:    clients,
		ClientAuth:   tls.RequireAndVerifyClientCert,
	})
}

func receive(path string, transport credentials.TransportCredentials) {
	file, err := os.Create(path)
	check(err)
	server := grpc.NewServer(grpc.Creds(transport))
	s := &sink{file: file}
	traces.RegisterTraceServiceServer(server, s)
	metrics.RegisterMetricsServiceServer(server, metricSink{sink: s})
	serve(server)
}

// The plugin.

type telemetry struct {
	options opentelemetry.Options
	reader  *sdkmetric.ManualReader
	spans   *sdktrace.TracerProvider
}

func begin() *telemetry {
	t := &telemetry{reader: sdkmetric.NewManualReader()}
	t.options.MetricsOptions.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(t.reader))
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" {
		return t
	}
	exporter, err := otlptracegrpc.New(context.Background())
	check(err)
	t.spans = sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))
	t.options.TraceOptions = experimental.TraceOptions{
		TracerProvider:    t.spans,
		TextMapPropagator: propagation.TraceContext{},
	}
	return t
}

func (t *telemetry) end(path string) {
	if t.spans != nil {
		check(t.spans.Shutdown(context.Background()))
	}
	var read metricdata.ResourceMetrics
	check(t.reader.Collect(context.Background(), &read))
	write(path, read)
}

// An EchoRequest whose only field is the payload is also a BytesValue.
func answer(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
	request := &wrapperspb.BytesValue{}
	if err := decode(request); err != nil {
		return nil, err
	}
	handler := func(_ context.Context, request any) (any, error) { return request, nil }
	if interceptor == nil {
		return handler(ctx, request)
	}
	return interceptor(ctx, request, &grpc.UnaryServerInfo{FullMethod: echo}, handler)
}

func answerAll(path string) {
	t := begin()
	server := grpc.NewServer(opentelemetry.ServerOption(t.options))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "echo.v1.EchoService",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Echo", Handler: answer}},
	}, nil)
	serve(server)
	t.end(path)
}

// Calls Echo with payloads of different sizes, then an unknown method.
func call(path, address string, calls int) {
	t := begin()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		opentelemetry.DialOption(t.options))
	check(err)
	response := &wrapperspb.BytesValue{}
	for number := 0; number < calls; number++ {
		check(connection.Invoke(context.Background(), echo, wrapperspb.Bytes(make([]byte, 100*number)), response, grpc.StaticMethod()))
	}
	err = connection.Invoke(context.Background(), "/echo.v1.EchoService/Absent", wrapperspb.Bytes(nil), response, grpc.StaticMethod())
	if status.Code(err) != codes.Unimplemented {
		log.Fatal(err)
	}
	check(connection.Close())
	t.end(path)
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "sink":
		receive(os.Args[2], insecure.NewCredentials())
	case len(os.Args) == 6 && os.Args[1] == "sink":
		receive(os.Args[2], overTLS(os.Args[3], os.Args[4], os.Args[5]))
	case len(os.Args) == 3 && os.Args[1] == "serve":
		answerAll(os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "call":
		calls, err := strconv.Atoi(os.Args[4])
		check(err)
		call(os.Args[2], os.Args[3], calls)
	default:
		log.Fatal("usage: peer sink FILE [CERT KEY CA] | serve FILE | call FILE ADDR CALLS")
	}
}
