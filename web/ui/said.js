// The texts of a page, which the server has written into it, and what a refusal means in one of them.
export function said(json) {
  const texts = JSON.parse(json);
  const text = (name) => texts[name] ?? name;
  const meaning = (fault) => texts[`code:${fault.code}`] ?? texts["code:"] ?? fault.message;
  return { text, meaning };
}
