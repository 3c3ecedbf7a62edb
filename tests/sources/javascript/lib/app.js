'use strict'

/**
 * A tiny web application.
 */

var EventEmitter = require('node:events').EventEmitter
var { mixin, merge: join } = require('./util')
const Router = require('./router')

exports = module.exports = createApp

/**
 * Create an application.
 *
 * @param {Object} options
 * @return {Function}
 */
function createApp (options) {
  var app = function (req, res, next) {
    app.handle(req, res, next)
  }
  mixin(app, EventEmitter.prototype, false)
  app.init(options)
  return app
}

var app = exports.app = {}

/** Prepare the application. */
app.init = function init (options) {
  this.settings = join({}, options)
  this.router = new Router()
  this.use(logger)
}

app.use = function use (fn, ...rest) {
  this.router.add(fn)
  return this
}

exports.json = function (value, { pretty = false } = {}) {
  return JSON.stringify(value, null, pretty ? 2 : 0)
}

exports.version = () => '1'

const logger = async (req, res, next) => {
  next()
}

async function * lines (stream) {
  yield * stream
}
