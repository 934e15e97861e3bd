// gRPC-Go's interop service with reflection and gzip, for the checks of grpcclient:
//
//	reflecting-server -reflection v1alpha     # prints its address on stdout and serves until it is killed
//
// gRPC-Go's own interop server has no reflection.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/interop"
	"google.golang.org/grpc/reflection"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	v1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
)

func main() {
	version := flag.String("reflection", "v1", "the version of reflection: v1, v1alpha or none")
	flag.Parse()

	server := grpc.NewServer()
	testgrpc.RegisterTestServiceServer(server, interop.NewTestServer())
	switch *version {
	case "v1":
		reflection.RegisterV1(server)
	case "v1alpha":
		options := reflection.ServerOptions{Services: server}
		v1alpha.RegisterServerReflectionServer(server, reflection.NewServer(options))
	case "none":
	default:
		log.Fatalf("no reflection %q; choose v1, v1alpha or none", *version)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	log.Fatal(server.Serve(listener))
}
