# syntax=docker/dockerfile:1
# One static program, the certificates for TLS, and nothing else: no shell, no library, and only a numeric user.
# With all providers it stays below 25 MB, without the clients of AWS and Azure below 20: tests/container/try builds and measures.
#
#   docker build --tag kube-rebalancer:0.1.0 .
#
# The same sources give the same image: the compiler and the dependencies are pinned, paths and times do not get in. For a
# certain compiler and certificates pin the first stage by digest: rust:1.95.0-bookworm@sha256:...
# tests/container/try runs these very commands without an engine, and the program in an empty root.

FROM rust:1.95.0-bookworm AS build
# The compiler that the image comes with; rust-toolchain.toml would also want the tools of a developer.
ENV RUSTUP_TOOLCHAIN=1.95.0
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates musl-tools
WORKDIR /source
COPY . .
ARG SOURCE_DATE_EPOCH=0
# The providers: fewer make a smaller image, such as --build-arg FEATURES=exec,gce,openstack.
ARG FEATURES=aws,azure,exec,gce,openstack
RUN <<'BUILD'
set -eu
target=$(uname -m)-unknown-linux-musl
rustup target add "$target"
# The linker packs the addresses that the program adjusts when it starts, for a smaller file.
RUSTFLAGS="--remap-path-prefix=$PWD=/source --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo
    -C link-arg=-Wl,-z,pack-relative-relocs" \
    cargo build --locked --profile dist --target "$target" --bin kube-rebalancer \
        --no-default-features --features "${FEATURES:-aws,azure,exec,gce,openstack}"
image=${IMAGE:-/image}
install -D --mode=755 "${CARGO_TARGET_DIR:-target}/$target/dist/kube-rebalancer" "$image/kube-rebalancer"
install -D --mode=644 /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/ca-certificates.crt"
find "$image" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
BUILD

FROM scratch
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/kube-rebalancer"]
