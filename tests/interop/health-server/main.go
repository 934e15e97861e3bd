// gRPC-Go's health service, for the checks of `grpcclient health`:
//
//	health-server     # prints its address on stdout; each line "SERVICE STATE" on stdin sets a state
//
// "" is SERVING, "down" is NOT_SERVING, and "silent" never gets a response. The line "end" stops the server
// gracefully.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

type withSilence struct{ *health.Server }

func (server withSilence) Check(ctx context.Context, request *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if request.Service == "silent" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return server.Server.Check(ctx, request)
}

func main() {
	states := health.NewServer()
	states.SetServingStatus("down", healthpb.HealthCheckResponse_NOT_SERVING)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, withSilence{states})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			if lines.Text() == "end" {
				states.Shutdown()
				server.Stop()
				return
			}
			service, name, _ := strings.Cut(lines.Text(), " ")
			state, known := healthpb.HealthCheckResponse_ServingStatus_value[name]
			if !known {
				log.Fatalf("no state %q", name)
			}
			states.SetServingStatus(service, healthpb.HealthCheckResponse_ServingStatus(state))
		}
	}()
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
