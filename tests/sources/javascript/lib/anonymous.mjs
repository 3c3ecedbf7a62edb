import { mixin } from './util.js'
import app from './app.js'

export default class {
  run () { mixin(app, {}) }
}

export const handlers = {
  open () { app.use(handlers.close) },
  close: () => {}
}
