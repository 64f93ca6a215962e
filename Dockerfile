# One small image with the three programs. Choose one at `docker run`:
#   docker run purchases analytics run --db /data/analytics.db --http 0.0.0.0:8080
# Not built by the project's own tests, which have no container engine: .ci runs the same build commands.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.work go.work.sum ./
COPY producer/go.mod producer/go.sum producer/
COPY processor/go.mod processor/go.sum processor/
COPY analytics/go.mod analytics/go.sum analytics/
RUN go mod download -x 2>/dev/null
COPY . .
RUN go build -trimpath -ldflags="-s -w" -o /out/ purchases/producer purchases/processor purchases/analytics

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin purchases \
    && install -d -o purchases -g purchases -m 0700 /data
COPY --from=build /out/ /usr/local/bin/
USER purchases
WORKDIR /data
VOLUME /data
EXPOSE 8080
CMD ["analytics", "--help"]
