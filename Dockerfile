# The HTTP API on Node, without a gateway: docs/hosts.md. CI does not build this image.
FROM node:24-slim
WORKDIR /app
COPY package.json package-lock.json ./
COPY packages/core packages/core
COPY packages/functions packages/functions
RUN npm ci --omit=dev --ignore-scripts --workspace @stockwire/functions
USER node
ENV HOST=0.0.0.0 PORT=3000 NODE_ENV=production
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["node", "-e", \
  "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "packages/functions/src/hosts/node.ts"]
