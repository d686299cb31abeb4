import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import type { Express, Response } from 'express';
import { contentSecurityPolicy } from 'helmet';
import { exchangeOf } from './exchange.js';
import { createOpenApi } from './openapi.js';
import type { Serving } from './serve.js';

/** Swagger UI writes styles into its page. */
const docsPolicy = contentSecurityPolicy({
  directives: { 'upgrade-insecure-requests': null, 'frame-ancestors': ["'none'"] },
});

const SWAGGER_UI = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** Puts the pages for operators and developers on an app; nobody is asked who they are. */
export function mountPages(app: Express, serving: Serving): void {
  const { deps } = serving;
  const openApi = createOpenApi(deps.version);
  app.get(['/', '/signin{/*rest}'], (_request, response) => {
    sendText(response, 'text/html', frontPage(deps.version, deps.temporalUiUrl));
  });
  app.get('/openapi.json', (_request, response) => {
    response.json(openApi);
  });
  app.get('/metrics', (request, response) => {
    exchangeOf(request).routeId = 'metrics';
    return sendMetrics(response, serving);
  });
  app.get('/docs', docsPolicy, (_request, response) => {
    sendText(response, 'text/html', DOCS_PAGE);
  });
  app.get('/docs/initialise.js', (_request, response) => {
    sendText(response, 'text/javascript', DOCS_SCRIPT);
  });
  for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css']) {
    app.get(`/docs/${file}`, (_request, response) => {
      response.set('cache-control', 'public, max-age=3600');
      response.sendFile(join(SWAGGER_UI, file), { cacheControl: false });
    });
  }
}

async function sendMetrics(response: Response, { readDeps, metrics }: Serving): Promise<void> {
  const isUp = (await readDeps.readiness.askStore()) === 'ok';
  const { text, contentType } = await metrics.expose(
    isUp,
    isUp ? await readDeps.readiness.backlog() : null,
  );
  sendText(response, contentType, text);
}

function sendText(response: Response, contentType: string, body: string): void {
  response.type(contentType).send(body);
}

const STYLE_FREE_HEAD = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">`;

function frontPage(version: string, temporalUiUrl: string | null): string {
  const temporal =
    temporalUiUrl === null
      ? ''
      : `\n<li><a href="${escapeHtml(temporalUiUrl)}">Temporal Web UI</a>: the waiting workflows</li>`;
  return `${STYLE_FREE_HEAD}
<title>Countersign</title>
</head>
<body>
<h1>Countersign ${escapeHtml(version)}</h1>
<p>Durable review gates on Temporal. This server speaks HTTP and JSON.</p>
<p>The inbox is not built here: run <code>npm run web:build</code>, and load this page again.</p>
<ul>
<li><a href="/docs">API documentation</a> (<a href="/openapi.json">OpenAPI document</a>)</li>
<li><a href="/readyz">Readiness</a>, <a href="/healthz">health</a>, <a href="/metrics">metrics</a></li>${temporal}
</ul>
</body>
</html>
`;
}

const DOCS_PAGE = `${STYLE_FREE_HEAD}
<title>Countersign API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="documentation"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/initialise.js"></script>
</body>
</html>
`;

const DOCS_SCRIPT = `window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#documentation',
  deepLinking: true,
  validatorUrl: null,
});
`;

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
