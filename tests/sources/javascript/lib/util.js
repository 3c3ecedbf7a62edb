module.exports = {
  mixin (target, source) {
    return Object.assign(target, source)
  },
  merge: function (left, right) {
    return module.exports.mixin(left, right)
  },
  limit: 3
}
