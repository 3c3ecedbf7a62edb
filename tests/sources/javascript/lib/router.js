class Layer extends Base.Layer {
  #path
  handler = () => { this.match() }
  static fast = true

  constructor (path) {
    super(path)
    this.#path = path
  }

  match () { return this.normal(this.#path) }
  static of (path) { return new Layer(path) }
  get path () { return this.#path }
  set path (value) { this.#path = value }
  async * parts () {}
  ['computed'] () {}
}

function Router (options) {
  this.layers = []
}

Router.prototype.add = function add (fn) {
  this.layers.push(new Layer(fn))
  return this.find(fn)
}

Router.prototype.find = function (fn) {
  return this.layers.find(layer => layer.path === fn)
}

Router.create = function () { return new Router() }

module.exports = Router
