// The server on grpc-go for peers.py: grpc-go-server HOST:PORT [CERTIFICATE KEY]. Runs until SIGTERM, on GOMAXPROCS
// threads.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"ringrpc/benchmarks/peers/grpc-go/echo"
	"ringrpc/benchmarks/peers/grpc-go/streams"
)

type echoService struct {
	echo.UnimplementedEchoServiceServer
}

func (echoService) Echo(_ context.Context, request *echo.EchoRequest) (*echo.EchoResponse, error) {
	return &echo.EchoResponse{Payload: request.Payload, RequestId: request.RequestId}, nil
}

type streamsService struct {
	streams.UnimplementedStreamsServer
}

func (streamsService) Unary(_ context.Context, request *streams.Message) (*streams.Message, error) {
	return request, nil
}

func (streamsService) Feed(request *streams.FeedRequest, out grpc.ServerStreamingServer[streams.Message]) error {
	message := &streams.Message{Payload: request.Payload}
	for range request.Messages {
		if err := out.Send(message); err != nil {
			return err
		}
	}
	return nil
}

func (streamsService) PingPong(stream grpc.BidiStreamingServer[streams.Message, streams.Message]) error {
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = stream.Send(message)
		}
		if err != nil {
			return err
		}
	}
}

func run(arguments []string) error {
	var options []grpc.ServerOption
	switch len(arguments) {
	case 1:
	case 3:
		tls, err := credentials.NewServerTLSFromFile(arguments[1], arguments[2])
		if err != nil {
			return err
		}
		options = append(options, grpc.Creds(tls))
	default:
		return fmt.Errorf("usage: grpc-go-server HOST:PORT [CERTIFICATE KEY]")
	}
	listener, err := net.Listen("tcp", arguments[0])
	if err != nil {
		return err
	}
	server := grpc.NewServer(options...)
	echo.RegisterEchoServiceServer(server, echoService{})
	streams.RegisterStreamsServer(server, streamsService{})

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		server.Stop()
	}()
	return server.Serve(listener)
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
