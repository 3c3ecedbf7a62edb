"""The sentences that the doubles' answers are made of, by language: plain ones, technical ones, ones with names."""

from __future__ import annotations

# For readers who do not program: no names, no figures, no terms of the trade.
PLAIN = {
    "en": (
        "This part of the system looks after a single task and does it the same way every time.",
        "People turn to it whenever they need a clear answer and do not want to check every detail themselves.",
        "Before it begins, it makes sure that everything it was given is complete and makes sense.",
        "Should something be missing, it says so at once instead of carrying on with a guess.",
        "The outcome goes straight to whoever asked for it, without a detour and without delay.",
        "It leaves everything else untouched, so the rest of the work goes on as usual.",
        "Colleagues save time with it, because they no longer have to repeat the same steps by hand.",
        "If it were missing, mistakes would be noticed late and putting them right would cost more.",
        "It plays a small but steady role in a larger process that many people rely on.",
        "What it promises is easy to understand: the same question always gets the same answer.",
        "When it cannot finish its work, the people concerned learn about it early and can react calmly.",
        "In the end it brings order into a step that used to depend on attention and good luck.",
    ),
    "ru": (
        "Эта часть системы отвечает за одну задачу и каждый раз выполняет её одинаково.",
        "К ней обращаются, когда нужен ясный ответ и нет желания проверять каждую мелочь самому.",
        "Перед началом работы она убеждается, что все переданные сведения полны и не противоречат друг другу.",
        "Если чего-то не хватает, она сразу сообщает об этом, а не действует наугад.",
        "Готовый итог без задержки и без лишних остановок попадает к тому, кто его ждёт.",
        "Всё остальное она оставляет нетронутым, поэтому прочая работа идёт своим чередом.",
        "Сотрудники экономят с ней время, ведь им больше не приходится повторять одно и то же вручную.",
        "Без неё ошибки замечали бы слишком поздно, а исправлять их было бы дороже.",
        "Она играет небольшую, но постоянную роль в большом процессе, на который опираются многие люди.",
        "Её обещание легко понять: на одинаковый вопрос всегда приходит одинаковый ответ.",
        "Если довести дело до конца не удаётся, люди узнают об этом рано и могут спокойно принять меры.",
        "В итоге она наводит порядок там, где раньше всё зависело от внимательности и везения.",
    ),
    "es": (
        "Esta parte del sistema se ocupa de una sola tarea y la hace siempre de la misma manera.",
        "La gente acude a ella cuando necesita una respuesta clara y no quiere revisar cada detalle.",
        "Antes de empezar se asegura de que todo lo que ha recibido está completo y tiene sentido.",
        "Si falta algo, lo dice enseguida en lugar de seguir adelante con una suposición.",
        "El resultado llega directamente a quien lo ha pedido, sin rodeos y sin demora.",
        "No toca nada más, así que el resto del trabajo continúa como de costumbre.",
        "Los compañeros ahorran tiempo con ella, porque ya no tienen que repetir los mismos pasos a mano.",
        "Si no existiera, los errores se notarían tarde y corregirlos costaría mucho más.",
        "Cumple un papel pequeño pero constante dentro de un proceso más grande del que dependen muchas personas.",
        "Lo que promete es fácil de entender: la misma pregunta recibe siempre la misma respuesta.",
        "Cuando no puede terminar su trabajo, los interesados lo saben pronto y pueden reaccionar con calma.",
        "Al final pone orden en un paso que antes dependía de la atención y de la buena suerte.",
    ),
}

# For developers, without names.
TECHNICAL = {
    "en": (
        "The input is checked first, and nothing is computed before the check has passed.",
        "Every step works on the outcome of the previous one, so their order must not be changed.",
        "The running time grows with the size of the input, and no copy of the input is made.",
        "Errors of the helpers it calls are passed on to the caller as they are.",
        "No state is kept between two calls, which makes concurrent use harmless.",
        "An empty input is allowed and produces an empty result.",
        "The caller keeps ownership of what was passed in, because nothing in it is modified.",
        "All dependencies come in as arguments, so a test can replace each of them.",
        "The result is complete as soon as the call returns, and no work is left running behind it.",
        "Values at the edge of the allowed range are treated like all others.",
        "Whoever extends this piece should keep the checks in front and the result at the end.",
        "A repeated call with equal arguments gives an equal result.",
        "Memory is needed only for the result and for a few local variables.",
        "The remaining branches deal with rare cases and end early.",
    ),
    "ru": (
        "Сначала проверяется вход, и до окончания проверки ничего не вычисляется.",
        "Каждый шаг опирается на итог предыдущего, поэтому менять их порядок нельзя.",
        "Время работы растёт вместе с размером входа, при этом копия входа не создаётся.",
        "Ошибки вызванных помощников передаются вызывающей стороне без изменений.",
        "Между двумя вызовами состояние не сохраняется, поэтому одновременное использование безопасно.",
        "Пустой вход допустим и приводит к пустому результату.",
        "Переданные значения остаются собственностью вызывающей стороны, потому что ничего в них не меняется.",
        "Все зависимости приходят как аргументы, поэтому в проверках каждую из них можно заменить.",
        "Результат готов к моменту возврата, и после него не остаётся незавершённой работы.",
        "Значения на границе допустимого диапазона обрабатываются так же, как и остальные.",
        "При расширении этого фрагмента проверки следует оставить в начале, а результат в конце.",
        "Повторный вызов с такими же аргументами даёт такой же результат.",
        "Память нужна только для результата и нескольких местных переменных.",
        "Остальные ветви относятся к редким случаям и завершаются раньше.",
    ),
    "es": (
        "Primero se comprueba la entrada, y no se calcula nada antes de que la comprobación haya terminado.",
        "Cada paso trabaja sobre el resultado del anterior, de modo que su orden no se debe cambiar.",
        "El tiempo de ejecución crece con el tamaño de la entrada y no se hace ninguna copia de ella.",
        "Los errores de las ayudas que utiliza llegan sin cambios a quien hizo la llamada.",
        "No se guarda ningún estado entre dos llamadas, y por eso el uso simultáneo no causa daño.",
        "Una entrada vacía está permitida y produce un resultado vacío.",
        "Quien llama conserva lo que ha entregado, porque no se modifica nada en ello.",
        "Todas las dependencias llegan como argumentos, así que una prueba puede sustituir cada una.",
        "El resultado está completo en cuanto termina la llamada, y no queda trabajo pendiente.",
        "Los valores en el borde del intervalo permitido se tratan como todos los demás.",
        "Quien amplíe este fragmento debería mantener las comprobaciones al principio y el resultado al final.",
        "Una llamada repetida con los mismos argumentos da el mismo resultado.",
        "Solamente hace falta memoria para el resultado y para unas pocas variables locales.",
        "Las demás ramas se ocupan de casos raros y terminan antes.",
    ),
}

# For whoever uses code that has been described already.
USING = {
    "en": (
        "Prepare the arguments where they are easiest to check, and keep the call itself short.",
        "Use the returned value directly, since it is complete and needs no further treatment.",
        "A typical use begins with data from outside and ends with a value that is shown or stored.",
        "In a loop, make the call once per element and collect what comes back.",
        "Do not change the arguments while the call is running, or the outcome is hard to explain.",
        "A surprising value usually means that an argument was given in another unit or order.",
        "When it fails, read the message first, because it names what was wrong with the input.",
        "Reuse the value you got instead of asking for it again with the same arguments.",
        "Cover the call with a small check of your own before you build on it.",
        "Leave the defaults alone unless there is a reason that you can write down.",
        "Hand it clean data, for nothing is repaired on the way.",
        "Callers that need more than one result are better off with a list of inputs.",
    ),
    "ru": (
        "Готовьте аргументы там, где их легче всего проверить, а сам вызов оставляйте коротким.",
        "Используйте возвращённое значение напрямую: оно готово и не требует обработки.",
        "Обычно всё начинается с данных извне и заканчивается значением, которое показывают или хранят.",
        "В цикле делайте один вызов на элемент и собирайте то, что возвращается.",
        "Не меняйте аргументы во время вызова, иначе итог будет трудно объяснить.",
        "Неожиданное значение чаще всего означает, что аргумент передан в других единицах или порядке.",
        "При сбое сначала прочитайте сообщение: в нём сказано, что было не так с входными данными.",
        "Берите уже полученное значение, а не спрашивайте его снова с теми же аргументами.",
        "Закройте вызов небольшой собственной проверкой, прежде чем строить на нём дальше.",
        "Не трогайте значения по умолчанию, если нет причины, которую можно записать.",
        "Передавайте чистые данные, ведь по пути ничего не исправляется.",
        "Тем, кому нужно несколько результатов, удобнее передать список входных данных.",
    ),
    "es": (
        "Prepare los argumentos donde sea más fácil revisarlos y deje corta la llamada misma.",
        "Use directamente el valor devuelto, porque está completo y no necesita más tratamiento.",
        "Un uso típico empieza con datos de fuera y termina con un valor que se muestra o se guarda.",
        "Dentro de un bucle, haga una llamada por elemento y reúna lo que vuelve.",
        "No cambie los argumentos mientras dura la llamada, o el resultado será difícil de explicar.",
        "Un valor extraño suele significar que un argumento llegó en otra unidad o en otro orden.",
        "Cuando falle, lea primero el mensaje, porque dice qué tenía de malo la entrada.",
        "Aproveche el valor obtenido en lugar de pedirlo otra vez con los mismos argumentos.",
        "Cubra la llamada con una pequeña comprobación propia antes de construir sobre ella.",
        "No toque los valores por omisión si no hay una razón que pueda escribirse.",
        "Entréguele datos limpios, pues por el camino no se corrige nada.",
        "A quien necesita varios resultados le conviene pasar una lista de entradas.",
    ),
}

# One of these opens a section where there are names to mention.
NAMED = {
    "en": (
        "This piece revolves around {names} and brings its parts together.",
        "The central names here are {names}, and the rest of the piece serves them.",
        "Reading it starts best at {names}, because the other lines follow from there.",
        "The link to the surrounding code runs through {names}.",
    ),
    "ru": (
        "Этот фрагмент строится вокруг {names} и связывает свои части воедино.",
        "Главные имена здесь {names}, а остальные строки служат им.",
        "Чтение лучше начать с {names}, потому что остальное следует оттуда.",
        "Связь с окружающим кодом проходит через {names}.",
    ),
    "es": (
        "Este fragmento gira en torno a {names} y reúne sus partes.",
        "Los nombres centrales son {names}, y las demás líneas están a su servicio.",
        "La lectura empieza mejor por {names}, porque las otras líneas se siguen de ahí.",
        "La relación con el código que lo rodea pasa por {names}.",
    ),
}

# What a model that drifted says.
CHINESE = (
    "这个函数首先检查输入的数据是否完整。",
    "如果数据有问题，它会立即返回错误。",
    "每一步都依赖于上一步的结果。",
    "最后，它把结果返回给调用者。",
)
