txws.PerMessageDeflate compresses messages (RFC 7692), on servers by default, with 12-bit windows: three presets, a choice for each message (``compress=``), inflation within the limit of a message, ``twistd websocket --compression``; txws.wire.deflateframe.WebkitDeflateFrame is for old Safaris.

txws.IExtension and txws.IExtensionFactory are the interfaces for extensions of your own.

The extra isal has Intel's ISA-L compress what stands alone, in a third of the time.
