import { test } from 'vitest';
import { startApi } from '/work/main/test/support/api.js';
import { countersign } from '/work/main/test/cli/countersign.js';
import { writeFileSync } from 'node:fs';
test('look', async () => {
  const api = await startApi();
  try {
    const env = { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: api.admin.token };
    await api.person('u_ann', {groups: ['finance']});
    const r = await api.openReview({ review: { groups: ['finance', 'legal'], name: 'Invoice totals', instructions: 'Compare\nwith the PDF \u001b[31m', link: 'https://example.com/x' } });
    const r2 = await api.openReview({ });
    writeFileSync('/tmp/wf.ts', `const x: {id: string} = {id: 'from_ts'}; export default { ...x, name: 'TS', blocks: [{id:'a',type:'task',executor:{kind:'supplied'},review:{groups:['nobody']}}] };`);
    writeFileSync('/tmp/bad.json', `{"id":"bad","blocks":[{"id":"a","type":"x"}]}`);
    for (const args of [
      ['workflow','push','/tmp/wf.ts'],['workflow','push','/tmp/bad.json'],['workflow','list'],
      ['run','start','from_ts','--input','{"a":{"n":1}}'],['run','list'],['run','show',r.runId],
      ['review','list'],['review','list','--mine'],['review','show',r.id],['review','explain',r.id],['review','approve',r.id],['review','approve',r2.id,'--version',r2.seedId],
      ['review','reject',r.id],
      ['review','reject',r.id,'--reason','no'],['review','reject',r2.id,'--reason','no'],['review','show',r2.id,'--json'],
      ['user','put','u_x','--name','X','--email','x@y','--group','a','b'],['user','list'],['user','remove','u_x'],['user','remove','u_x'],
      ['token','create'],['token','create','--user','u_ann'],['token','create','--service','s','--scope','admin','--json'],['token','list'],
      ['review','list','--limit','x'],['nonsense'],['run'],['review','show','rev_x','--json'],
    ]) {
      const p = await countersign(args, { env });
      console.log(`$ countersign ${args.join(' ')}   -> ${p.code}\n${p.stdout}--- stderr\n${p.stderr}`);
    }
  } finally { await api.stop(); }
}, 200000);
