// The body of the thread that pdf-text.ts starts. Plain JavaScript, so that it runs under any loader.
/* oxlint-disable typescript/no-unsafe-argument, typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access -- no types here */
/* oxlint-disable unicorn/require-post-message-target-origin -- a thread has no origin */
import { parentPort, workerData } from 'node:worker_threads';
import { extractTextItems, getDocumentProxy } from 'unpdf';

const { bytes, maxPages } = workerData;

try {
  // The library runs no script of a PDF and opens no address; images are of no use here.
  const pdf = await getDocumentProxy(bytes, { maxImageSize: 0, verbosity: 0 });
  if (pdf.numPages > maxPages) {
    parentPort.postMessage({ problem: `it has ${pdf.numPages} pages, over ${maxPages}` });
  } else {
    const { items } = await extractTextItems(pdf);
    parentPort.postMessage({ pages: items });
  }
} catch (error) {
  // The library's exceptions are no errors to structuredClone, hence the text.
  parentPort.postMessage({ problem: error.message });
}
