# The types of masking.pyx.

cdef class Masker:
    cdef unsigned char _key[4]

    cpdef bytes process(self, payload)

cpdef bytes mask(payload, bytes maskingKey)
cpdef bytes unmask(buffer, Py_ssize_t start, Py_ssize_t end)
cdef const unsigned char* payloadAt(
    buffer, Py_ssize_t start, Py_ssize_t end, Py_ssize_t keySize
) except NULL
cdef bytes masked(
    const unsigned char* payload, Py_ssize_t length, const unsigned char* key
)
cdef int xor(
    unsigned char* target,
    const unsigned char* payload,
    Py_ssize_t length,
    const unsigned char* key,
) noexcept
