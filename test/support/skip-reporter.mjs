/** Says at the end of a run which tests were skipped for want of a program, and how to get it. */
export default class SkipReporter {
  onRunComplete(_contexts, results) {
    const missing = new Map();
    for (const file of results.testResults) {
      for (const test of file.testResults) {
        const need = /\[needs ([\w-]+)(?:: ([\w .-]+))?\]/.exec(test.fullName);
        if (test.status !== "pending" || !need) continue;
        const key = `${need[1]} (apt-get install ${need[2] ?? need[1]})`;
        missing.set(key, (missing.get(key) ?? 0) + 1);
      }
    }
    for (const [program, count] of missing) console.log(`skipped: ${count} tests need ${program}`);
  }
}
