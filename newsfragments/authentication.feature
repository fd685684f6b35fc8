txws.authentication.answerChallenge answers what servers and proxies ask for: Digest (RFC 7616) with SHA-256 or MD5, and Basic (RFC 7617).
