/** About 300 bytes, as a service would have them put on record. */
export const DATA = {
  action: "transfer",
  from: "account-123456",
  to: "account-987654",
  amount: 12.5,
  currency: "AZR",
  memo: "x".repeat(112),
  tags: ["tuition", "spring"],
  checked: { balance: true, limits: true, score: 42 },
};
