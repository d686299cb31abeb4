import './styles/index.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.js';
import { createQueries } from './app/queries.js';
import { readAhead } from './app/read-ahead.js';

const root = document.getElementById('root');
if (root === null) {
  throw new Error('index.html has no #root');
}
const queries = createQueries();
readAhead(queries);
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
