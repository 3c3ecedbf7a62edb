export * from './money';
export { default as clock } from './clock';

export interface User {
  id: string;
}
