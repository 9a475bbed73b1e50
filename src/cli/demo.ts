/** What `npm start` runs. */

import { main } from "./demo-main.ts";

process.exitCode = await main(process.argv.slice(2), process.stdout, process.stderr);
