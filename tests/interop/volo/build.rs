//! Generates the messages and services from the protos of this repository.

fn main() {
    let protos = [
        "../../../proto/echo/v1/echo.proto",
        "../../../proto/grpc/health/v1/health.proto",
        "../../../proto/grpc/reflection/v1/reflection.proto",
        "../proto/mirror/mirror.proto",
    ];
    let mut builder = volo_build::Builder::protobuf()
        .include_dirs(vec!["../../../proto".into(), "../proto".into()]);
    for proto in protos {
        println!("cargo::rerun-if-changed={proto}");
        builder = builder.add_service(proto);
    }
    builder.write().unwrap();
}
