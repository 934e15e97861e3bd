// The calls of outage_test.py on grpc-go; outage_caller.cc makes the same ones on this library. It reads lines of fields
// separated by tabs, up to an empty one, makes the calls of all these lines at the same time, and prints a line for each:
//
//	name, target, service config (- for none), TLS (yes or no), connect timeout in ms, whether calls wait for readiness
//	(yes or no), timeout of a call in ms (0 for none), patience in ms, number of calls, ms between two of them
//
// A target is dns:..., or a list of addresses. A line whose name was there before uses its channel again. The calls of a
// line follow one another. The result is the name, and for each call its code and the milliseconds that it took, or
// "waiting" for one that has not ended within the patience.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	_ "google.golang.org/grpc/xds" // outlier_detection
)

const method = "/outage.v1.Outage/Call"

type bytesCodec struct{}

func (bytesCodec) Name() string                  { return "bytes" }
func (bytesCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

var channels = map[string]*grpc.ClientConn{}

func main() {
	input := bufio.NewScanner(os.Stdin)
	var batch [][]string
	for input.Scan() {
		if input.Text() != "" {
			batch = append(batch, strings.Split(input.Text(), "\t"))
			continue
		}
		results := make([]chan string, len(batch))
		for at, line := range batch {
			channel := channels[line[0]]
			if channel == nil {
				channel = dial(line)
				channels[line[0]] = channel
			}
			results[at] = make(chan string, 1)
			go func() { results[at] <- run(channel, line) }()
		}
		for _, result := range results {
			fmt.Println(<-result)
		}
		batch = nil
	}
}

func milliseconds(text string) time.Duration {
	number, err := strconv.Atoi(text)
	fail(err)
	return time.Duration(number) * time.Millisecond
}

func dial(line []string) *grpc.ClientConn {
	target := line[1]
	transport := insecure.NewCredentials()
	if line[3] == "yes" {
		transport = credentials.NewTLS(&tls.Config{})
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.DefaultConfig, MinConnectTimeout: milliseconds(line[4]),
		}),
	}
	if line[2] != "-" {
		options = append(options, grpc.WithDefaultServiceConfig(line[2]))
	}
	if !strings.HasPrefix(target, "dns:") {
		var endpoints []resolver.Endpoint
		for _, each := range strings.Split(target, ",") {
			endpoints = append(endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: each}}})
		}
		list := manual.NewBuilderWithScheme("list")
		list.InitialState(resolver.State{Endpoints: endpoints})
		options = append(options, grpc.WithResolvers(list))
		target = "list:///localhost"
	}
	channel, err := grpc.NewClient(target, options...)
	fail(err)
	return channel
}

func run(channel *grpc.ClientConn, line []string) string {
	count, err := strconv.Atoi(line[8])
	fail(err)
	results := []string{line[0]}
	for range count {
		began := time.Now()
		done := make(chan string, 1)
		go func() { done <- call(channel, line[5] == "yes", milliseconds(line[6])) }()
		select {
		case code := <-done:
			results = append(results, fmt.Sprintf("%s %d", code, time.Since(began).Milliseconds()))
		case <-time.After(milliseconds(line[7])):
			return strings.Join(append(results, "waiting"), "\t")
		}
		time.Sleep(milliseconds(line[9]))
	}
	return strings.Join(results, "\t")
}

func call(channel *grpc.ClientConn, wait bool, timeout time.Duration) string {
	ctx := context.Background()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	request := []byte("x")
	var response []byte
	err := channel.Invoke(ctx, method, &request, &response, grpc.ForceCodec(bytesCodec{}), grpc.WaitForReady(wait))
	return strconv.Itoa(int(status.Code(err)))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
