# frozen_string_literal: true

require 'json'
require 'shop/catalog'
require_relative 'pricing'

# Everything that a shop does with orders.
module Shop
  LIMIT = 10

  # Raised when nothing is left.
  class SoldOut < StandardError
    attr_reader :sku

    def initialize(sku)
      super("#{sku} is sold out")
      @sku = sku
    end
  end

  Line = Struct.new(:sku, :count) do
    def total = count * 2
  end

  # An order of one customer.
  #
  # Not safe for threads.
  class Order
    include Comparable
    include Pricing::Rounded, Enumerable
    extend Forwardable

    attr_accessor :lines, :note

    class << self
      # Reads an order.
      def parse(text, strict: false)
        new(*JSON.parse(text)).tap { |order| order.check! if strict }
      end
    end

    def self.empty
      new
    end

    def initialize(*lines, catalog: Catalog.new, **options, &block)
      @lines = lines
      @catalog = catalog
      @pricing = Pricing.new
      instance_eval(&block) if block
    end

    # Put something in.
    #
    # @param sku [String] what
    # @return [Order] itself
    def add(sku, count = 1)
      product = @catalog.find(sku)
      raise SoldOut.new(sku) unless product&.left?

      lines << Line.new(sku, count)
      log "added #{sku}"
      self
    end

    def total
      sum = lines.sum { |line| @pricing.price_of(line) }
      round sum
    end

    def each(&) = lines.each(&)

    def <=>(other)
      total <=> other.total
    end

    def check!
      raise ArgumentError, 'empty' if lines.empty?
    end

    def [](index)
      lines[index]
    end

    private

    def log(text)
      warn(text)
      super
    end
  end

  class Order::Draft < Order
    def total
      super / 2
    end
  end

  module_function

  def open(path) = Order.parse(File.read(path))
end
