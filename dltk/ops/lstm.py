"""A long short-term memory over time, with a gradient that is made for CPUs."""

from __future__ import annotations

import tensorflow as tf


@tf.custom_gradient
def lstm(given: tf.Tensor, recurrent: tf.Tensor, hidden: tf.Tensor, cell: tf.Tensor):
    """Return what an LSTM gives after each step, and its last state.

    Hochreiter & Schmidhuber 1997 with the forget gates of Gers et al. 2000, which is what
    `keras.layers.LSTM` computes: i, f, g, o = σ, σ, tanh, σ of (what the inputs give + h W);
    c = f c + i g; h = o tanh(c).

    Its gradient is back-propagation through time, once. Other than the one that TensorFlow derives
    of a loop, it finds the gradient of W in one product behind the loop, of all steps, and not in
    a small product in each of them. So a step of training takes two thirds of the time on a CPU.

    Args:
        given: float32 (T, B, 4 U), the inputs times their weights, with the bias; the gates in the
            order i, f, g, o.
        recurrent: W, float32 (U, 4 U).
        hidden, cell: the state before the first step, float32 (B, U).
    Returns:
        h of each step, float32 (T, B, U), and the last h and c, float32 (B, U).
    """
    steps = tf.shape(given)[0]

    def array(like: tf.Tensor) -> tf.TensorArray:
        return tf.TensorArray(like.dtype, size=steps, element_shape=like.shape)

    def advance(at, hidden, cell, gates, hiddens, cells):
        i, f, g, o = tf.split(given[at] + tf.matmul(hidden, recurrent), 4, axis=-1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        cell = f * cell + i * g
        hidden = o * tf.tanh(cell)
        gates = gates.write(at, tf.concat([i, f, g, o], axis=-1))
        return at + 1, hidden, cell, gates, hiddens.write(at, hidden), cells.write(at, cell)

    kept = array(given[0]), array(hidden), array(cell)
    _, last_hidden, last_cell, *kept = tf.while_loop(
        lambda at, *_: at < steps, advance, (0, hidden, cell, *kept)
    )
    gates, hiddens, cells = (each.stack() for each in kept)

    def gradient(d_hiddens, d_hidden, d_cell):
        cells_before = tf.concat([cell[None], cells[:-1]], axis=0)
        back = tf.transpose(recurrent)

        def retreat(at, d_hidden, d_cell, d_given):
            i, f, g, o = tf.split(gates[at], 4, axis=-1)
            bent = tf.tanh(cells[at])
            d_hidden += d_hiddens[at]
            d_cell += d_hidden * o * (1 - tf.square(bent))
            d_gates = tf.concat(
                [
                    d_cell * g * i * (1 - i),
                    d_cell * cells_before[at] * f * (1 - f),
                    d_cell * i * (1 - tf.square(g)),
                    d_hidden * bent * o * (1 - o),
                ],
                axis=-1,
            )
            return at - 1, tf.matmul(d_gates, back), d_cell * f, d_given.write(at, d_gates)

        _, d_hidden, d_cell, d_given = tf.while_loop(
            lambda at, *_: at >= 0, retreat, (steps - 1, d_hidden, d_cell, array(given[0]))
        )
        d_given = d_given.stack()
        before = tf.concat([hidden[None], hiddens[:-1]], axis=0)
        d_recurrent = tf.tensordot(before, d_given, axes=[[0, 1], [0, 1]])
        return d_given, d_recurrent, d_hidden, d_cell

    return (hiddens, last_hidden, last_cell), gradient
