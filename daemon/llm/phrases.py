"""Sentences that the scripted model builds its answers from: true of any code, and worth nothing to a reader."""

from __future__ import annotations

# Plain language: no names, no numbers, no terms of the trade.
PLAIN = {
    "en": (
        "This part takes care of one clearly bounded task and hands its result to whoever asked for it.",
        "First it looks at what it was given and makes sure that nothing important is missing.",
        "When everything is in order, the work is done step by step and the outcome is passed on.",
        "If something is wrong, it stops early and says so, so that nobody relies on a false result.",
        "Colleagues depend on it every day because it treats every request in the same careful manner.",
        "Nothing else is changed along the way, which keeps the rest of the work calm and predictable.",
        "Without it, people would have to repeat the same steps by hand and would make more mistakes.",
        "Its main benefit is trust, since the same question always leads to the same answer.",
    ),
    "ru": (
        "Эта часть решает одну понятную задачу и передаёт готовый итог тому, кто за ним обратился.",
        "Сначала она смотрит, что ей передали, и убеждается, что ничего важного не упущено.",
        "Если всё в порядке, работа выполняется шаг за шагом, а результат уходит дальше без задержки.",
        "Если что-то не так, она вовремя останавливается и сообщает об этом, чтобы никто не опирался на ошибку.",
        "Сотрудники полагаются на неё каждый день, потому что к любому обращению она относится одинаково бережно.",
        "По пути больше ничего не меняется, поэтому остальная работа идёт спокойно и предсказуемо.",
        "Без неё людям пришлось бы повторять одни и те же действия вручную и чаще ошибаться.",
        "Главная польза в доверии: на один и тот же вопрос всегда приходит один и тот же ответ.",
    ),
    "es": (
        "Esta parte se ocupa de una tarea bien delimitada y entrega su resultado a quien lo ha pedido.",
        "Primero mira lo que ha recibido y comprueba que no falte nada importante.",
        "Cuando todo está en orden, el trabajo se hace paso a paso y el resultado se entrega sin demora.",
        "Si algo no está bien, se detiene a tiempo y lo dice, para que nadie confíe en un resultado falso.",
        "Los compañeros cuentan con ella cada día porque trata todas las peticiones con el mismo cuidado.",
        "Por el camino no se cambia nada más, y así el resto del trabajo sigue tranquilo y previsible.",
        "Sin ella, las personas tendrían que repetir los mismos pasos a mano y cometerían más errores.",
        "Su mayor ventaja es la confianza, porque la misma pregunta lleva siempre a la misma respuesta.",
    ),
}

# For developers, still without names.
TECHNICAL = {
    "en": (
        "It receives its input, checks what has to hold before it starts, and returns one result to the caller.",
        "The steps run in the order in which they are written, and each of them works on the outcome of the last.",
        "The cost grows with the size of the input, because every element is looked at a bounded number of times.",
        "An input that breaks the expectations is not repaired here: the error goes to the caller unchanged.",
        "It keeps no state of its own between two calls, so calls do not disturb each other.",
        "Empty input is a valid case and leads to an empty result without any further work.",
        "Everything it needs from outside is passed in, which makes it easy to test in isolation.",
        "The result depends on nothing but the arguments and on what the called helpers return.",
        "Whoever changes the order of the steps has to check that the conditions between them still hold.",
    ),
    "ru": (
        "Сначала проверяются условия на входе, а затем вызывающей стороне возвращается один результат.",
        "Шаги выполняются в том порядке, в котором они записаны, и каждый опирается на итог предыдущего.",
        "Стоимость растёт с размером входа, потому что каждый элемент просматривается ограниченное число раз.",
        "Вход, который нарушает ожидания, здесь не исправляется: ошибка без изменений уходит вызывающей стороне.",
        "Между вызовами не хранится собственное состояние, поэтому вызовы не мешают друг другу.",
        "Пустой вход считается допустимым и даёт пустой результат без лишней работы.",
        "Всё необходимое передаётся снаружи, поэтому такой код легко проверять отдельно.",
        "Результат зависит только от аргументов и от того, что возвращают вызванные помощники.",
        "При изменении порядка шагов нужно убедиться, что условия между ними по-прежнему выполняются.",
    ),
    "es": (
        "Recibe su entrada, comprueba lo que debe cumplirse antes de empezar y devuelve un resultado a quien la llama.",
        "Los pasos se ejecutan en el orden en que están escritos, y cada uno trabaja sobre el resultado del anterior.",
        "El coste crece con el tamaño de la entrada, porque cada elemento se mira un número limitado de veces.",
        "Una entrada que no cumple lo esperado no se corrige aquí: el error llega sin cambios a quien la llama.",
        "No guarda ningún estado propio entre dos llamadas, de modo que las llamadas no se estorban.",
        "Una entrada vacía es un caso válido y lleva a un resultado vacío sin más trabajo.",
        "Todo lo que necesita de fuera se le pasa como argumento, y por eso es fácil de probar por separado.",
        "El resultado depende solamente de los argumentos y de lo que devuelven las ayudas que utiliza.",
        "Quien cambie el orden de los pasos debe comprobar que las condiciones entre ellos se siguen cumpliendo.",
    ),
}

# For whoever uses code that has been described already.
USING = {
    "en": (
        "Have everything at hand that it expects before you call it, because it asks for nothing later.",
        "Take the result at once and hand it on, instead of calling again for the same answer.",
        "Look at the result before you rely on it, since an empty one is as good as any other.",
        "Let an error travel to the place that can do something about it, and do not hide it here.",
        "Give it values of your own rather than shared ones, and you never have to think about side effects.",
        "Where many answers are needed, collect the questions first and go through them in one place.",
        "A mistake in the order of what you pass is easily made and shows only in the result.",
        "Try it with the smallest input that makes sense before you trust it with the real one.",
        "Write down beside the call why it is there, because the name alone does not say it.",
        "Keep the call in one place of your own, so that a change of it stays a change of one line.",
    ),
    "ru": (
        "Подготовьте всё необходимое до вызова, потому что позже ничего не запрашивается.",
        "Заберите результат сразу и передайте его дальше, а не вызывайте ещё раз ради того же ответа.",
        "Проверьте результат до того, как на него положиться: пустой результат тоже допустим.",
        "Пусть ошибка дойдёт до места, где с ней можно что-то сделать, и не прячьте её здесь.",
        "Передавайте собственные значения, а не общие, и тогда не придётся думать о побочных действиях.",
        "Если нужно много ответов, сначала соберите вопросы и пройдите их в одном месте.",
        "Перепутать порядок переданного легко, а заметно это станет только по результату.",
        "Сначала попробуйте на самом маленьком осмысленном примере и лишь потом на настоящем.",
        "Запишите рядом с вызовом, зачем он нужен, потому что одно имя этого не объясняет.",
        "Держите вызов в одном своём месте, чтобы его изменение оставалось изменением одной строки.",
    ),
    "es": (
        "Tenga a mano todo lo que espera antes de llamarla, porque después no pide nada más.",
        "Recoja el resultado enseguida y páselo adelante, en lugar de llamar otra vez para la misma respuesta.",
        "Mire el resultado antes de confiar en él, ya que uno vacío vale tanto como cualquier otro.",
        "Deje que el error llegue al lugar que puede hacer algo con él, y no lo esconda aquí.",
        "Dele valores propios y no compartidos, y nunca tendrá que pensar en efectos secundarios.",
        "Cuando hagan falta muchas respuestas, reúna primero las preguntas y recórralas en un solo lugar.",
        "Es fácil equivocarse en el orden de lo que se pasa, y solo se nota en el resultado.",
        "Pruébela con la entrada más pequeña que tenga sentido antes de confiarle la verdadera.",
        "Anote junto a la llamada por qué está ahí, porque el nombre por sí solo no lo dice.",
        "Mantenga la llamada en un solo lugar propio, para que cambiarla siga siendo cambiar una línea.",
    ),
}

# The one sentence of a section that names identifiers.
NAMES = {
    "en": ("This code is about {}.", "The work is done with {}.", "It is connected with the rest through {}."),
    "ru": ("Этот код описывает {}.", "Работа выполняется с помощью {}.", "С остальным кодом его связывает {}."),
    "es": ("Este código trata de {}.", "El trabajo se hace con {}.", "Se relaciona con el resto por medio de {}."),
}
