# The exporter and the simulator, on Node.js and the libraries that it is linked with; no shell, no package manager.
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" --tag acr-scan-exporter:0.1.0 .
# An LTS release, maintained until April 2028. 26 works too, and makes the image 23 MB larger: 195 MB.
ARG NODE_VERSION=24
# That of package.json, unless the image is built between two releases.
ARG VERSION=0.1.0

FROM node:${NODE_VERSION}-bookworm-slim AS runtime
COPY deploy/container/collect-node.mjs /
RUN node /collect-node.mjs /runtime

FROM node:${NODE_VERSION}-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts
# A version such as 2.2.2 adds Alibaba Cloud's generated client, which is then used instead of the core below it.
ARG ALICLOUD_CR20181201
RUN if [ -n "$ALICLOUD_CR20181201" ]; then \
      npm install --save-prod --omit=dev --ignore-scripts "@alicloud/cr20181201@$ALICLOUD_CR20181201"; \
    fi

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/
COPY src src
ARG VERSION
ARG REVISION
RUN ACR_BUILD_VERSION="$VERSION" ACR_BUILD_REVISION="$REVISION" node scripts/build.mjs
WORKDIR /program
COPY package.json LICENSE THIRD-PARTY-LICENSES.md ./
COPY config/demo.yml config/demo-scenario.yml config/
COPY deploy/container/healthcheck.mjs deploy/container/
# COPY keeps the modes of the checkout, which may be its owner's alone.
RUN mv /app/dist dist && chmod -R u=rwX,go=rX .

# Not one of the ready-made images without a shell: they get Node.js's security releases later than the official image does.
FROM scratch
COPY --from=runtime /runtime /
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /program ./
ENV PATH=/usr/local/bin \
    NODE_ENV=production \
    ACR_SCAN_EXPORTER_CONFIG_FILE=/etc/acr-scan-exporter/config.yml
USER 65532:65532
EXPOSE 20181
HEALTHCHECK --interval=30s --timeout=5s --retries=3 \
  CMD ["/usr/local/bin/node", "/app/deploy/container/healthcheck.mjs"]
ENTRYPOINT ["/usr/local/bin/node", "/app/dist/bin.js"]
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="acr-scan-exporter" \
      org.opencontainers.image.description="Prometheus exporter for the image scans of Alibaba Cloud Container Registry" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
