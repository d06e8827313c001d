// placeholder until the client is built
export const createAuth = () => ({});
