//! Generates the messages and services from the protos of this repository.

fn main() -> std::io::Result<()> {
    tonic_prost_build::configure()
        .build_client(false)
        .compile_protos(
            &[
                "../../../proto/echo/v1/echo.proto",
                "../../streams/streams.proto",
            ],
            &["../../../proto", "../../streams"],
        )
}
