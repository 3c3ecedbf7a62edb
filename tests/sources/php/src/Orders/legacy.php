<?php
// Functions without a namespace.

if (!function_exists('legacy_trim')) {
    function legacy_trim($text)
    {
        return trim($text);
    }
}
?>
<h1><?= legacy_trim(' orders ') ?></h1>
