//! The server on tonic for peers.py: `tonic-server HOST:PORT [CERTIFICATE KEY]`. Runs on one thread until SIGTERM.

use std::pin::Pin;

use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::{Stream, StreamExt, iter};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use bench::streams_server::{Streams, StreamsServer};
use bench::{FeedRequest, Message};
use echo::echo_service_server::{EchoService, EchoServiceServer};
use echo::{EchoRequest, EchoResponse};

mod echo {
    tonic::include_proto!("echo.v1");
}
mod bench {
    tonic::include_proto!("bench");
}

struct Echo;

#[tonic::async_trait]
impl EchoService for Echo {
    async fn echo(&self, request: Request<EchoRequest>) -> Result<Response<EchoResponse>, Status> {
        let EchoRequest {
            payload,
            request_id,
        } = request.into_inner();
        Ok(Response::new(EchoResponse {
            payload,
            request_id,
            ..Default::default()
        }))
    }
}

struct Feed;

type Messages = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

#[tonic::async_trait]
impl Streams for Feed {
    async fn unary(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    type FeedStream = Messages;
    async fn feed(&self, request: Request<FeedRequest>) -> Result<Response<Messages>, Status> {
        let FeedRequest { messages, payload } = request.into_inner();
        Ok(Response::new(Box::pin(iter(0..messages).map(move |_| {
            Ok(Message {
                payload: payload.clone(),
            })
        }))))
    }

    type PingPongStream = Messages;
    async fn ping_pong(
        &self,
        request: Request<Streaming<Message>>,
    ) -> Result<Response<Messages>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut server = Server::builder().tcp_nodelay(true);
    let address = match arguments.as_slice() {
        [address] => address,
        [address, certificate, key] => {
            let identity = Identity::from_pem(std::fs::read(certificate)?, std::fs::read(key)?);
            server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
            address
        }
        _ => return Err("usage: tonic-server HOST:PORT [CERTIFICATE KEY]".into()),
    };
    let mut stop = signal(SignalKind::terminate())?;
    server
        .add_service(EchoServiceServer::new(Echo))
        .add_service(StreamsServer::new(Feed))
        .serve_with_shutdown(address.parse()?, async move {
            stop.recv().await.map_or((), drop)
        })
        .await?;
    Ok(())
}
