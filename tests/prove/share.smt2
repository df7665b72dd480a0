; What a distribution issues is at most what there is to share; and less than a unit for each head is left of that, unless
; the index had no room for the whole dividend. For any amount of 114 bits and any headcount of 40: all there can be.
;
; Over the integers, DIV and MUL being what the Yellow Paper says: a quotient rounded down, a product modulo 2^256.
(declare-const amount Int)
(declare-const heads Int)
(declare-const dividend Int)
(define-fun word ((x Int)) Int (mod x 115792089237316195423570985008687907853269984665640564039457584007913129639936))
(define-fun unit () Int (word (* heads 1000000)))
(define-fun issuing () Int (word (* (word (* dividend heads)) 1000000)))
(assert (<= 0 amount 20769187434139310514121985316880383))
(assert (<= 1 heads 1099511627775))
(assert (<= 0 dividend (div amount unit)))
; There are such shares: sat. None of them is a counterexample: unsat.
(check-sat)
(assert (not (and
    (<= issuing amount)
    (=> (= dividend (div amount unit)) (< (- amount issuing) unit)))))
(check-sat)
