//! volo-grpc, CloudWeGo's implementation of gRPC, on either side of a call.
//!
//!     volo-peer client PORT     calls the services of grpcd; exits with 1 if a call ends wrongly
//!     volo-peer server          serves mirror.Mirror, whose responses are its requests, and prints its port

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use volo::net::incoming::DefaultIncoming;
use volo_grpc::codec::compression::CompressionEncoding;
use volo_grpc::server::{Server, ServiceBuilder};
use volo_grpc::{BoxStream, Code, RecvStream, Request, Response, Status};

use volo_gen::echo::v1::{EchoRequest, EchoServiceClient, EchoServiceClientBuilder};
use volo_gen::grpc::health::v1::health_check_response::ServingStatus;
use volo_gen::grpc::health::v1::{HealthCheckRequest, HealthClient, HealthClientBuilder};
use volo_gen::grpc::reflection::v1::server_reflection_request::MessageRequest;
use volo_gen::grpc::reflection::v1::server_reflection_response::MessageResponse;
use volo_gen::grpc::reflection::v1::{
    ServerReflectionClientBuilder, ServerReflectionRequest, ServerReflectionResponse,
};
use volo_gen::mirror::{Mirror, MirrorClientBuilder, MirrorServer, Text};

mod generated {
    include!(concat!(env!("OUT_DIR"), "/volo_gen.rs"));
}
use generated::volo_gen;

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// volo-grpc's own limit of a second would fail calls on a busy machine.
const CALL_TIMEOUT: Option<Duration> = Some(Duration::from_secs(300));
const CALLS: usize = 20;

async fn echoes(client: &EchoServiceClient) {
    for size in [0, 1, 16_384, 300_000] {
        let request = EchoRequest {
            payload: vec![b'x'; size].into(),
            request_id: format!("{size} bytes").into(),
            ..Default::default()
        };
        for response in join_all((0..CALLS).map(|_| client.echo(request.clone()))).await {
            let response = response.expect("an echo").into_inner();
            assert_eq!(response.payload, request.payload);
            assert_eq!(response.request_id, request.request_id);
        }
    }
}

fn check_of(service: &'static str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.into(),
        ..Default::default()
    }
}

/// Leaves the stream, which the server would never end.
async fn watch(client: &HealthClient, service: &'static str, expected: ServingStatus) {
    let mut states = client
        .watch(check_of(service))
        .await
        .expect("a stream of states")
        .into_inner();
    assert_eq!(
        states.next().await.expect("a state").unwrap().status,
        expected
    );
}

/// Asks the next question once the last one is answered.
async fn reflection(address: SocketAddr) {
    let client = ServerReflectionClientBuilder::new("reflection")
        .address(address)
        .rpc_timeout(CALL_TIMEOUT)
        .build();
    let (questions, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let requests = async_stream::stream! {
        while let Some(question) = asked.recv().await {
            yield ServerReflectionRequest { message_request: Some(question), ..Default::default() };
        }
    };
    // pilota does not encode an empty text, even as the chosen field of a oneof.
    questions
        .send(MessageRequest::ListServices("*".into()))
        .unwrap();
    let mut responses = client
        .server_reflection_info(requests)
        .await
        .expect("a conversation")
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(list)) = answer(responses.next().await) else {
        panic!("no list of services");
    };
    assert!(
        list.service
            .iter()
            .any(|service| service.name == "echo.v1.EchoService")
    );
    questions
        .send(MessageRequest::FileContainingSymbol("no.such".into()))
        .unwrap();
    let Some(MessageResponse::ErrorResponse(error)) = answer(responses.next().await) else {
        panic!("no error for an unknown symbol");
    };
    assert_eq!(Code::from(error.error_code), Code::NotFound);
    drop(questions);
    assert!(
        responses.next().await.is_none(),
        "more responses than questions"
    );
}

/// Without its configuration, volo-grpc sends empty messages, marked as compressed.
fn gzip() -> Vec<CompressionEncoding> {
    vec![CompressionEncoding::Gzip(Some(Default::default()))]
}

fn failure<T: Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.expect_err("a call that must fail");
    (status.code(), status.message().to_owned())
}

fn answer(response: Option<Result<ServerReflectionResponse, Status>>) -> Option<MessageResponse> {
    response.expect("a response").unwrap().message_response
}

async fn client(address: SocketAddr) {
    let plain = || {
        EchoServiceClientBuilder::new("echo")
            .address(address)
            .rpc_timeout(CALL_TIMEOUT)
    };
    let compressed = plain()
        .send_compressions(gzip())
        .accept_compressions(gzip())
        .build();
    let client = plain().build();
    echoes(&client).await;
    echoes(&compressed).await;

    let health = HealthClientBuilder::new("health")
        .address(address)
        .rpc_timeout(CALL_TIMEOUT)
        .build();
    let state = health
        .check(check_of("echo.v1.EchoService"))
        .await
        .expect("a state")
        .into_inner();
    assert_eq!(state.status, ServingStatus::SERVING);
    watch(&health, "", ServingStatus::SERVING).await;
    watch(&health, "no.such", ServingStatus::SERVICE_UNKNOWN).await;
    reflection(address).await;

    let (code, message) = failure(health.check(check_of("no.such")).await);
    assert_eq!(code, Code::NotFound);
    assert!(message.contains("no.such"), "{message}");
    let mirror = MirrorClientBuilder::new("mirror")
        .address(address)
        .rpc_timeout(CALL_TIMEOUT)
        .build();
    let (code, message) = failure(mirror.unary(Text::default()).await);
    assert_eq!(code, Code::Unimplemented);
    assert!(message.contains("mirror.Mirror"), "{message}");
    echoes(&client).await; // the connection has survived the failures
}

struct Reflecting;

impl Mirror for Reflecting {
    async fn unary(&self, request: Request<Text>) -> Result<Response<Text>, Status> {
        let made_of = request.metadata().get("made-of").cloned();
        let message = request.into_inner();
        if message.text == "fail" {
            return Err(Status::new(Code::DataLoss, "ä wall \n is there"));
        }
        let mut response = Response::new(message);
        if let Some(made_of) = made_of {
            response.metadata_mut().insert("made-of", made_of);
        }
        Ok(response)
    }

    async fn talk(
        &self,
        request: Request<RecvStream<Text>>,
    ) -> Result<Response<BoxStream<'static, Result<Text, Status>>>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }
}

async fn server() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut stop = signal(SignalKind::terminate())?;
    eprintln!("serving on {}", listener.local_addr()?);
    let mirror = ServiceBuilder::new(MirrorServer::new(Reflecting))
        .send_compressions(gzip())
        .accept_compressions(gzip());
    Server::new()
        .add_service(mirror.build())
        .run_with_shutdown(DefaultIncoming::from(listener), async move {
            stop.recv().await;
            Ok(())
        })
        .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["client", port] => client(SocketAddr::from(([127, 0, 0, 1], port.parse()?))).await,
        ["server"] => server().await?,
        _ => return Err("usage: volo-peer client PORT | server".into()),
    }
    Ok(())
}
